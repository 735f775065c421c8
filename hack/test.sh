#!/usr/bin/env bash
# Runs the tests of every module (of hack/rivals only with RIVALS=true) with the race detector; those of controllers/ run on a real API server and etcd.
#
#   hack/test.sh [PACKAGE…]
# shellcheck source=cluster/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/cluster/lib.sh"
cd "$REPO_ROOT" || exit

# The race detector is linked by the C compiler.
if ! have "$(go env CC)"; then need_packages "go test -race" gcc libc6-dev; fi
# The reference service is tested on real servers.
need_packages "the test of workload/examples/orders" postgresql redis-server
# The documentation's commands use it.
have curl || need_packages "the test of hack/commands" curl ca-certificates
KUBEBUILDER_ASSETS=${KUBEBUILDER_ASSETS:-$(hack/cluster/envtest.sh)}
export KUBEBUILDER_ASSETS
export CGO_ENABLED=1

# tests PACKAGE…: runs the tests of packages in the current folder. The race detector itself fails at times beside testing/synctest
# (go.dev/issue/78156), with a message of its own or outside of all Go code, and no failed test: packages in which nothing else failed are
# tested once more. A nil pointer in Go code is a panic, and no such signal.
tests() {
  local output failed broken
  output=$(mktemp)
  if go test -race -timeout 20m "$@" 2>&1 | tee "$output"; then
    rm "$output"
    return
  fi
  failed=$(grep -c $'^FAIL\t' "$output") || true
  broken=$(grep -cE '^ThreadSanitizer: CHECK failed: tsan_|^SIGSEGV: segmentation violation$' "$output") || true
  if [ "$failed" != "$broken" ] || grep -qE '^ *--- FAIL|^panic:|^fatal error:|WARNING: DATA RACE' "$output"; then
    rm "$output"
    return 1
  fi
  mapfile -t failed < <(awk -F'\t' '$1 == "FAIL" && NF > 1 { print $2 }' "$output")
  rm "$output"
  step "test" "the race detector failed, not a test: once more, ${failed[*]}"
  go test -race -timeout 20m "${failed[@]}"
}

if [ $# -gt 0 ]; then
  tests "$@"
  exit
fi
for module in $(code_modules); do
  step "test" "$module"
  (cd "$(dirname "$module")" && tests ./...)
done
