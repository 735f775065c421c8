#!/usr/bin/env bash
# Brings up a kind cluster with the operator of this checkout, unless it is there, and runs hack/bench/handoff on it. Arguments are
# its flags. Settings: CLUSTER, and FULL=true (six rounds of 30 s of each load instead of two of 15 s).
# shellcheck source=cluster/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/cluster/lib.sh"
# shellcheck source=cluster/bench.sh
source "$(dirname "${BASH_SOURCE[0]}")/cluster/bench.sh"
# shellcheck source=cluster/scratch.sh
source "$(dirname "${BASH_SOURCE[0]}")/cluster/scratch.sh"
cd "$REPO_ROOT" || exit

flags=()
if [ "${FULL:-false}" = true ]; then
  flags=(-rounds 6 -duration 30s)
fi

bench_cluster
hack/deploy.sh deploy
calls=goservice.dev/waits:bench
waits_image "$calls"
hack/cluster/cluster.sh load "$calls"
image=$(hack/images.sh list | awk '$1 == "load" { print $2 }')
go -C hack/bench run ./handoff -load-image "$image" -grpc-image "$calls" "${flags[@]}" "$@"
