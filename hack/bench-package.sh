#!/usr/bin/env bash
# Measures what a release hands out: whether it is reproducible, how long the plugin takes to start, how large the console's page is, and how long
# helm install --wait takes, with Helm 4 and Helm 3, on a kind cluster of its own, which is removed afterwards. The files are of the last commit.
# Arguments are flags of hack/bench/packaging.
#
# Settings: CLUSTER, and FULL=true (makes the whole release twice, half an hour; otherwise the plugin of this platform, the chart, install.yaml, and what
# goes with them).
# shellcheck source=cluster/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/cluster/lib.sh"
# shellcheck source=cluster/bench.sh
source "$(dirname "${BASH_SOURCE[0]}")/cluster/bench.sh"
cd "$REPO_ROOT" || exit

need_browser "the console's first paint"
export CLUSTER=${CLUSTER:-goservice-package}
VERSION=${VERSION:-$(hack/version.sh)}
export VERSION
here=linux-$(go env GOARCH)
# Set by measured_console.
console=

# made_twice FOLDER: makes the files, and says what they are; with another exit code if they differ.
made_twice() {
  local part=$here what="plugin for $here with its krew manifest, chart, install.yaml, and notes; FULL=true makes all files"
  if [ "${FULL:-false}" = true ]; then part='' what="all files of a release"; fi
  if env -u VERSION PART="$part" KEEP="$1" hack/artifacts.sh compare >&2; then made=true; else made=false; fi
  [ -n "$(ls "$1")" ] || die "there is nothing to measure; the error is above"
  artefacts=$(find "$1" -type f | wc -l)
  made_what="$artefacts files: $what"
}

# measured_console: the line of the console's test.
measured_console() {
  local log=$1
  task console "1,000 services in a headless browser" console_test "$log"
  console=$(sed -n 's/^\(RESULT console .*\)$/\1/p' "$log")
}
console_test() { go -C hack/kubectl-gosvc test -tags e2e -count=1 -v -run TestTheConsoleInABrowser ./internal/console | tee "$1"; }

work=$(mktemp -d)
trap 'rm -rf "$work"; hack/cluster/cluster.sh down' EXIT
mkdir -p "$work/files" bin
made_twice "$work/files"
tar -C "$work" -xzf "$work/files/kubectl-gosvc-"*"-$here.tar.gz" kubectl-gosvc
measured_console "$work/console.log"
helms "$REPO_ROOT/bin"
bench_cluster
hack/images.sh load
go -C hack/bench run ./packaging -plugin "$work/kubectl-gosvc" -kubectl "$(command -v kubectl)" -helm "$REPO_ROOT/bin/helm4,$REPO_ROOT/bin/helm3" \
  -chart "$(echo "$work/files/goservice-operator-"*.tgz)" -tag "$VERSION" -sample "$REPO_ROOT/config/samples/goservice_minimal.yaml" \
  -artefacts "$artefacts" -reproducible="$made" -what "$made_what" -console "$console" "$@"
