#!/usr/bin/env bash
# Runs the controller tests on the API servers of several versions of Kubernetes. Each is downloaded or built once, and kept in the test bed's cache.
#
# Reads KUBERNETES (versions; default: KUBERNETES_TESTED of hack/cluster/versions.env) and RUN (a regular expression; default: all tests).
# shellcheck source=cluster/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/cluster/lib.sh"
cd "$REPO_ROOT" || exit

unset KUBEBUILDER_ASSETS
failed=()
for version in ${KUBERNETES:-$KUBERNETES_TESTED}; do
  [[ $version =~ ^v1\.[0-9]+\.[0-9]+$ ]] || die "KUBERNETES: $version: must be a version such as v1.37.2"
  assets=$(TESTBED_KUBERNETES=$version hack/cluster/envtest.sh)
  step "test-matrix" "$version: $("$assets/kube-apiserver" --version)"
  KUBEBUILDER_ASSETS=$assets go test -count=1 -timeout 30m -run "${RUN:-.}" ./controllers || failed+=("$version")
done
[ ${#failed[@]} = 0 ] || die "the controller tests fail on Kubernetes ${failed[*]}"
