#!/usr/bin/env bash
# Prints the version of this checkout: the tag on a tagged commit with nothing changed, else dev-<hash> over everything that
# the images are built from. The same sources give the same version, so building and deploying twice changes nothing, and
# every change of code gets images of its own that no cluster confuses with older ones.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if tag=$(git describe --tags --exact-match HEAD 2>/dev/null) && [ -z "$(git status --porcelain 2>/dev/null)" ]; then
  echo "$tag"
  exit
fi
sources=(Dockerfile hack/binaries.sh go.work go.work.sum go.mod go.sum *.go api controllers hack/load workload)
present=()
for source in "${sources[@]}"; do
  if [ -e "$source" ]; then present+=("$source"); fi
done
hash=$(find "${present[@]}" -type f ! -name '*_test.go' ! -path '*/testdata/*' -print0 |
  LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -c1-12)
echo "dev-$hash"
