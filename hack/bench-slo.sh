#!/usr/bin/env bash
# Brings up a kind cluster with metrics-server and the operator of this checkout, unless they are there, and runs
# hack/bench/slo on it. Arguments are its flags.
#
# Settings: CLUSTER, FULL=true (a step, a ramp and bursts of five minutes each, as docs/slo.md shows them, RUNS times in alternating
# order, and one more target: about eight minutes a trial, 60 trials in four runs, eight hours), RUNS (4; 1 or an even number), and STATE: a file
# that keeps what is done, so that the same command goes on where it was cut off, as long as images and program are the same; with
# FULL it is dist/bench-slo.state unless it is set. RUNS=2 reports the first two runs of a longer one's file. FOREIGN=true has hack/foreign
# serve, which is instrumented with otelhttp and knows nothing of the toolkit.
# shellcheck source=cluster/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/cluster/lib.sh"
# shellcheck source=cluster/bench.sh
source "$(dirname "${BASH_SOURCE[0]}")/cluster/bench.sh"
# shellcheck source=cluster/scratch.sh
source "$(dirname "${BASH_SOURCE[0]}")/cluster/scratch.sh"
cd "$REPO_ROOT" || exit

flags=()
if [ "${FULL:-false}" = true ]; then
  mkdir -p dist
  flags=(-runs "${RUNS:-4}" -shapes "step,ramp,burst" -targets "20,30,50" -warm 140s -hold 5m)
  STATE=${STATE:-dist/bench-slo.state}
fi
# The program runs in its own folder.
if [ -n "${STATE:-}" ]; then flags+=(-state "$(realpath -m "$STATE")"); fi

bench_cluster
hack/cluster/cluster.sh addons metrics-server
hack/deploy.sh deploy
if [ "${FOREIGN:-false}" = true ]; then
  image=goservice.dev/foreign:bench
  foreign_image "$image"
  hack/cluster/cluster.sh load "$image"
  flags+=(-image "$image")
fi
url=$(hack/cluster/cluster.sh url)
go -C hack/bench run ./slo -url "$url" "${flags[@]}" "$@"
