#!/usr/bin/env bash
# Writes a version into every go.mod and go.work, since the modules of this repository require each other by it from then on, and into the
# Helm chart. Commit the result, and tag that commit once for each module; the last lines say how. docs/design/0006-modules.md has the reasons.
#
#   hack/release.sh VERSION
#
# It refuses where the published simulation is of other decisions than this code's, or by another simulator, unless OLD_FIGURES=true.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

version=${1:-}
if ! [[ $version =~ ^v[01]\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$ ]]; then
  echo "usage: hack/release.sh VERSION, with a version such as v0.2.0 (from v2 on, Go wants other module paths)" >&2
  exit 2
fi
# What the docs say of the decisions is of these decisions, in this world and beside these rivals.
if [ "${OLD_FIGURES:-false}" != true ]; then
  present=$(go run ./controllers/sim/cmd -code)
  while read -r line; do
    what=${line% *} code=${line##* }
    page=docs/simulation.md
    if [ "$what" = "dividing code" ]; then page=docs/slo.md; fi
    published=$(sed -n "s/.*$what \`\([0-9a-f]*\)\`.*/\1/p" "$page" | head -n 1)
    if [ "$published" != "$code" ]; then
      echo "$page is of the $what $published, this is $code: publish what make sim prints, or set OLD_FIGURES=true" >&2
      exit 1
    fi
  done <<<"$present"
fi
find . \( -name go.mod -o -name go.work \) -not -path './bin/*' -not -path './dist/*' -print0 |
  xargs -0 sed -E -i "s#(goservice\.dev/operator(/[^[:space:]]+)?) v[0-9][^[:space:]]*#\1 $version#"
# Helm's versions have no v; the images' tags have one.
sed -E -i "s#^version: .*#version: ${version#v}#; s#^appVersion: .*#appVersion: $version#" config/charts/goservice-operator/Chart.yaml

echo "git commit -am 'Release $version'"
find . -name go.mod \( -not -path './hack/*' -o -path './hack/kubectl-gosvc/*' \) -not -path './bin/*' -not -path './dist/*' | LC_ALL=C sort | while read -r module; do
  folder=$(dirname "${module#./}")
  if [ "$folder" = . ]; then echo "git tag $version"; else echo "git tag $folder/$version"; fi
done
