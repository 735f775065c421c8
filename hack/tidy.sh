#!/usr/bin/env bash
# Tidies the go.mod of every module (of hack/rivals only with RIVALS=true), or of those that are named.
#
#   hack/tidy.sh [-diff] [GO.MOD…]     -diff changes nothing, prints what would change, and fails if there is anything
#
# go mod tidy ignores workspaces. While it runs, the modules of this repository that a go.mod requires by version are therefore
# replaced by their folders, in a copy: a replace directive in the file itself would forbid `go install PROGRAM@VERSION`.
# shellcheck source=cluster/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/cluster/lib.sh"
cd "$REPO_ROOT" || exit

diff=
if [ "${1:-}" = -diff ]; then
  diff=-diff
  shift
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# required GO.MOD: the modules of this repository that it, or a module of the workspace beside it, requires by version, with their folders;
# but for those that it replaces itself.
required() {
  local module path files=("$1")
  if [ -e "$(dirname "$1")/go.work" ]; then files+=("$(dirname "$1")/go.work"); fi
  for module in $(git ls-files 'go.mod' '*/go.mod'); do
    path=$(awk '$1 == "module" {print $2; exit}' "$module")
    if grep -qE "^(require|replace)?[[:space:]]*$path v" "${files[@]}" && ! grep -qE "^replace $path " "$1"; then
      echo "$path=$(realpath "$(dirname "$module")")"
    fi
  done
}

# tidy GO.MOD: go.sum needs no line for a module that is in a workspace, and gets none this way.
tidy() {
  local module=$1 folder replacement paths=()
  folder=$(dirname "$module")
  cp "$module" "$work/go.mod"
  : >"$work/go.sum"
  if [ -e "$folder/go.sum" ]; then cp "$folder/go.sum" "$work/go.sum"; fi
  for replacement in $(required "$module"); do
    paths+=("${replacement%%=*}")
    go mod edit -replace "$replacement" "$work/go.mod"
  done
  if ! go -C "$folder" mod tidy $diff -modfile="$work/go.mod"; then
    die "$module is not tidy: run make tidy and commit the result"
  fi
  if [ -n "$diff" ]; then return; fi
  for path in "${paths[@]}"; do go mod edit -dropreplace "$path" "$work/go.mod"; done
  cp "$work/go.mod" "$module"
  if [ -s "$work/go.sum" ]; then cp "$work/go.sum" "$folder/go.sum"; fi
}

if [ $# = 0 ]; then
  # shellcheck disable=SC2046  # several files
  set -- hack/tools/go.mod $(code_modules)
fi
for module in "$@"; do tidy "$module"; done
