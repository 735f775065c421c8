#!/usr/bin/env bash
# Looks for known vulnerabilities in what released programs call.
#
# Reads VULNDB: a database's https address or folder (default: https://vuln.go.dev), or `module` for the newest data that the Go module proxy has, for
# machines that reach nothing else.
# shellcheck source=cluster/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/cluster/lib.sh"
cd "$REPO_ROOT" || exit

# tool PACKAGE@VERSION: into bin/. Not among hack/tools, whose linters would have to be built with its versions.
tool() { GOBIN=$REPO_ROOT/bin GOWORK=off GOFLAGS='' go install "$1"; }

database=${VULNDB:-https://vuln.go.dev}
if [ "$database" = module ]; then
  data=$(cd / && GOWORK=off GOFLAGS='' go mod download -json golang.org/x/vulndb@latest | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
  step "vulncheck" "data of ${data##*@}"
  tool "golang.org/x/vulndb/cmd/indexdb@${data##*@}"
  database=$REPO_ROOT/bin/vulndb
  rm -rf "$database"
  bin/indexdb -vulns "$data/data/osv" -out "$database"
fi
case "$database" in /*) database=file://$database ;; esac
tool golang.org/x/vuln/cmd/govulncheck@v1.9.0
state=0
for folder in . workload workload/rpc hack/kubectl-gosvc; do
  step "vulncheck" "$folder"
  (cd "$folder" && "$REPO_ROOT/bin/govulncheck" -db "$database" ./...) || state=1
done
[ "$state" = 0 ] || die "the database could not be read, or knows the vulnerabilities above: take the versions in which they are fixed"
