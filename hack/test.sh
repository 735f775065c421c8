#!/usr/bin/env bash
# Runs the tests of every module (of hack/rivals only with RIVALS=true) with the race detector; those of controllers/ run on a real API server and etcd.
#
#   hack/test.sh [PACKAGE…]
# shellcheck source=cluster/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/cluster/lib.sh"
cd "$REPO_ROOT" || exit

# The race detector is linked by the C compiler.
if ! have "$(go env CC)"; then need_packages "go test -race" gcc libc6-dev; fi
KUBEBUILDER_ASSETS=${KUBEBUILDER_ASSETS:-$(hack/cluster/envtest.sh)}
export KUBEBUILDER_ASSETS
if [ $# -gt 0 ]; then
  exec go test -race -timeout 20m "$@"
fi
for module in $(code_modules); do
  folder=$(dirname "$module")
  step "test" "$module"
  (cd "$folder" && CGO_ENABLED=1 go test -race -timeout 20m ./...)
done
