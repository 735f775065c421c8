#!/usr/bin/env bash
# Looks for faults on a real API server: FAULTS runs of scenarios in which the operator dies between its writes, sees a cache
# that lags, loses watch events or gets errors, and TRANSITIONS between generated specs. Ends with a RESULT line; differences
# from what must be are explained above it.
#
# Settings: FAULTS (2000), TRANSITIONS (5000), SEED (1), PARALLEL (6).
# shellcheck source=cluster/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/cluster/lib.sh"
cd "$REPO_ROOT" || exit

KUBEBUILDER_ASSETS=${KUBEBUILDER_ASSETS:-$(hack/cluster/envtest.sh)}
export KUBEBUILDER_ASSETS
found=$(mktemp)
trap 'rm -f "$found"' EXIT
state=0
go test -tags explore ./controllers -run '^TestExplore' -count=1 -timeout 3h -parallel "${PARALLEL:-6}" \
  -explore.faults "${FAULTS:-2000}" -explore.transitions "${TRANSITIONS:-5000}" -explore.seed "${SEED:-1}" \
  -explore.result "$found" || state=$?
awk '{for (i = 1; i <= NF; i++) {split($i, pair, "="); sum[pair[1]] += pair[2]}}
  END {printf "RESULT explore fault_runs=%d transition_runs=%d differences=%d\n", sum["fault_runs"], sum["transition_runs"], sum["differences"]}' "$found"
exit "$state"
