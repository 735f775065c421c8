#!/usr/bin/env bash
# Looks for faults on a real API server: FAULTS runs of scenarios in which the operator dies between its writes, sees a cache
# that lags, loses watch events or gets errors, and TRANSITIONS between generated specs. Ends with a RESULT line; differences
# from what must be are explained above it. It works in parts, each on an API server of its own.
#
# Settings: FAULTS (2000), TRANSITIONS (5000), SEED (1), PARALLEL (12), and STATE: a file that keeps what is done, so that the
# same command goes on where it was cut off. What another version of the code has done there counts for nothing.
# shellcheck source=cluster/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/cluster/lib.sh"
cd "$REPO_ROOT" || exit

FAULTS=${FAULTS:-2000} TRANSITIONS=${TRANSITIONS:-5000}
# The bounds of a part: a few minutes.
part_faults=200 part_transitions=500

KUBEBUILDER_ASSETS=${KUBEBUILDER_ASSETS:-$(hack/cluster/envtest.sh)}
export KUBEBUILDER_ASSETS
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
state=${STATE:-$work/state}
touch "$state"
go test -c -trimpath -o "$work/explore" ./controllers
build=$(cat "$work/explore" config/crd/bases/* | sha256sum | cut -c1-12)

# part TEST FLAG FROM COUNT: one part, unless it is done.
part() {
  local key="$1 from=$3 count=$4 seed=${SEED:-1} build=$build"
  if grep -F "$key " "$state" >>"$work/done"; then return; fi
  step "$1" "$3 to $(($3 + $4))"
  : >"$work/result"
  (cd controllers && "$work/explore" -test.run "^$1\$" -test.timeout 2h -explore.seed "${SEED:-1}" -explore.parallel "${PARALLEL:-12}" \
    -explore.skip "$3" "-explore.$2" "$4" -explore.result "$work/result") >"$work/log" 2>&1 || cat "$work/log"
  [ -s "$work/result" ] || die "$key came to no end"
  printf '%s %s\n' "$key" "$(cat "$work/result")" | tee -a "$state" >>"$work/done"
}

for ((from = 0; from < FAULTS; from += part_faults)); do
  part TestExploreFaults faults "$from" "$((FAULTS - from < part_faults ? FAULTS - from : part_faults))"
done
for ((from = 0; from < TRANSITIONS; from += part_transitions)); do
  part TestExploreTransitions transitions "$from" "$((TRANSITIONS - from < part_transitions ? TRANSITIONS - from : part_transitions))"
done
line=$(result explore "$work/done" fault_runs transition_runs differences)
echo "$line"
[[ $line == *" differences=0" ]]
