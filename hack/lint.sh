#!/usr/bin/env bash
# Runs golangci-lint, built with kube-api-linter, on every module of the checkout but the one that pins the tools,
# and on hack/rivals only with RIVALS=true.
# shellcheck source=cluster/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/cluster/lib.sh"
cd "$REPO_ROOT" || exit

# Built once, then kept by Go's build cache.
lint=$(hack/tool.sh -n golangci-lint-kube-api-linter)
state=0
for module in $(code_modules); do
  folder=$(dirname "$module")
  step "lint" "$module"
  (cd "$folder" && "$lint" run --allow-parallel-runners --config "$REPO_ROOT/.golangci.yml" --build-tags e2e ./...) || state=1
done
[ "$state" = 0 ] || die "the linters have something to say about the lines above; make fmt mends formatting, hack/tool.sh golangci-lint-kube-api-linter run --fix some of the rest"
