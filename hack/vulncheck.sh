#!/usr/bin/env bash
# Looks for known vulnerabilities in what released programs call. Needs a database: vuln.go.dev, or VULNDB, the folder or URL of a copy. The checks
# of a machine without network leave it out.
# shellcheck source=cluster/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/cluster/lib.sh"
cd "$REPO_ROOT" || exit

database=${VULNDB:-https://vuln.go.dev}
case "$database" in /*) database=file://$database ;; esac
# Not among hack/tools, whose linters would have to be built with its versions.
GOBIN=$REPO_ROOT/bin GOWORK=off GOFLAGS='' go install golang.org/x/vuln/cmd/govulncheck@v1.9.0
state=0
for folder in . workload workload/rpc hack/kubectl-gosvc; do
  step "vulncheck" "$folder"
  (cd "$folder" && "$REPO_ROOT/bin/govulncheck" -db "$database" ./...) || state=1
done
[ "$state" = 0 ] || die "the database could not be read, or knows the vulnerabilities above: take the versions in which they are fixed"
