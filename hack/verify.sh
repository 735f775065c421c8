#!/usr/bin/env bash
# Regenerates everything into place and demands that it is what is committed; then checks what else can be stale or broken
# without a compiler noticing: go.mod files, kustomizations, shell scripts.
# shellcheck source=cluster/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/cluster/lib.sh"
cd "$REPO_ROOT" || exit
git rev-parse --git-dir >/dev/null 2>&1 || die "make verify compares with what is committed: run it in a git checkout"

generated() {
  task "verify" "generated code, CRD, role, dashboards, chart, Argo CD's ConfigMap and docs/api.md" make --no-print-directory generate manifests dashboards chart argocd docs
  local paths=('api/*/zz_generated*' config/crd/bases config/rbac/role.yaml 'config/grafana/*.json' config/charts config/argocd/argocd-cm.yaml docs/api.md) stale
  stale=$(git status --porcelain -- "${paths[@]}")
  if [ -n "$stale" ]; then
    echo "$stale" >&2
    git --no-pager diff -- "${paths[@]}" | head -n 60 >&2
    die "these generated files are not what is committed; they are up to date now, so commit them"
  fi
}

modules() {
  local differences
  if ! differences=$(hack/tidy.sh -diff 2>&1); then
    head -n 40 <<<"$differences" >&2
    die "a go.mod is not tidy: run make tidy and commit the result"
  fi
  step "verify" "go.mod of every module is tidy"
}

kustomizations() {
  local folder
  for folder in config/default config/samples; do
    hack/tool.sh kustomize build "$folder" >/dev/null || die "kustomize cannot build $folder"
  done
  COMPONENTS="prometheus grafana network-policy secret-references" hack/deploy.sh render >/dev/null
  step "verify" "kustomizations build"
}

scripts() {
  if ! have shellcheck; then
    step "verify" "shell scripts: left out, there is no shellcheck here (apt-get install shellcheck)"
    return
  fi
  local files
  mapfile -t files < <(git ls-files '*.sh' .ci/run)
  shellcheck --external-sources --source-path=SCRIPTDIR --source-path=hack/cluster "${files[@]}" ||
    die "shellcheck has something to say about the scripts above"
  step "verify" "shell scripts"
}

generated
modules
kustomizations
scripts
