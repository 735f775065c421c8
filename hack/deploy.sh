#!/usr/bin/env bash
# Puts the operator into the current cluster of kubectl and takes it out again.
#
#   deploy.sh install | uninstall     the CRD alone
#   deploy.sh deploy | undeploy       CRD, roles and the operator
#   deploy.sh installer               writes dist/install.yaml
#   deploy.sh render                  prints what deploy applies
#
# undeploy and uninstall delete every GoService, and refuse to while there is one unless CONFIRM=delete-services is set.
# Reads IMG and WORKLOAD_IMG (image references) and COMPONENTS (folders of config/ to add: prometheus, grafana, network-policy, secret-references).
# shellcheck source=cluster/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/cluster/lib.sh"
cd "$REPO_ROOT" || exit

VERSION=${VERSION:-$(hack/version.sh)}
IMG=${IMG:-goservice.dev/manager:$VERSION}
WORKLOAD_IMG=${WORKLOAD_IMG:-goservice.dev/workload:$VERSION}
NAMESPACE=goservice-system
DEPLOYMENT=goservice-controller-manager
CRD=goservices.goservice.dev

kustomize() { hack/tool.sh kustomize "$@"; }

# use_kubectl: kubectl of the person, or the test bed's where there is none; says which cluster is meant.
use_kubectl() {
  if ! have kubectl; then
    hack/cluster/components.sh kubectl
    PATH=$(component kubernetes):$PATH
  fi
  context=$(kubectl config current-context 2>/dev/null) ||
    die "kubectl has no current cluster: make kind-up creates one, or choose one with kubectl config use-context"
  kubectl --request-timeout=10s version >/dev/null 2>&1 ||
    die "the cluster of context $context does not answer: make kind-up makes a new one, or choose another with kubectl config use-context"
  step "$1" "context $context"
}

# image_fields REFERENCE: what kustomize calls its parts. A colon before the last slash belongs to a registry's port.
image_fields() {
  case "$1" in
  *@*) printf 'newName: "%s", digest: "%s"' "${1%%@*}" "${1#*@}" ;;
  *) case "${1##*/}" in
    *:*) printf 'newName: "%s", newTag: "%s"' "${1%:*}" "${1##*:}" ;;
    *) printf 'newName: "%s", newTag: latest' "$1" ;;
    esac ;;
  esac
}

# An overlay outside the tracked files, so that deploying leaves the checkout as it was.
render() {
  local component overlay
  mkdir -p bin
  overlay=$(mktemp -d bin/overlay-XXXXXX)
  # shellcheck disable=SC2064  # the folder of now is meant
  trap "rm -rf '$overlay'" EXIT
  {
    printf 'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [../../config/default]\n'
    if [ -n "${COMPONENTS:-}" ]; then
      printf 'components:\n'
      for component in $COMPONENTS; do
        [ -f "config/$component/kustomization.yaml" ] || die "there is no config/$component; COMPONENTS knows prometheus, grafana, network-policy and secret-references"
        printf -- '- ../../config/%s\n' "$component"
      done
    fi
    printf 'images:\n- {name: goservice.dev/manager, %s}\n' "$(image_fields "$IMG")"
    printf 'patches:\n- patch: |-\n'
    sed 's/^/    /' <<PATCH
apiVersion: apps/v1
kind: Deployment
metadata: {name: $DEPLOYMENT, namespace: $NAMESPACE}
spec: {template: {spec: {containers: [{name: manager, env: [{name: WORKLOAD_IMAGE, value: "$WORKLOAD_IMG"}]}]}}}
PATCH
  } >"$overlay/kustomization.yaml"
  kustomize build "$overlay"
  rm -rf "$overlay"
  trap - EXIT
}

# Server-side: applying the same again writes nothing, and no copy of the CRD is kept in an annotation.
apply() { kubectl apply --server-side --force-conflicts --field-manager=goservice-install -f - >/dev/null; }
remove() { kubectl delete --ignore-not-found --wait -f - >/dev/null; }

install_crd() {
  use_kubectl install
  kustomize build config/crd | apply
  kubectl wait --for=condition=Established "crd/$CRD" --timeout=60s >/dev/null
  step install "$CRD is established"
}

# remove_services: while the operator still runs, and until their objects are gone too.
remove_services() {
  if ! kubectl get crd "$CRD" >/dev/null 2>&1; then return 0; fi
  local count
  count=$(kubectl get goservices --all-namespaces --no-headers 2>/dev/null | wc -l)
  if [ "$count" -gt 0 ]; then
    [ "${CONFIRM:-}" = delete-services ] || die "$count GoService(s) would be deleted, and their running pods with them:" \
      "CONFIRM=delete-services does that; to keep the pods, first run" \
      "kubectl -n $NAMESPACE scale deployment/$DEPLOYMENT --replicas=0 && kubectl delete goservices --all --all-namespaces --cascade=orphan"
    step "$1" "$count GoService(s) and what belongs to them are removed first"
    kubectl delete goservices --all --all-namespaces --cascade=foreground --timeout=5m >/dev/null
  fi
}

uninstall_crd() {
  use_kubectl uninstall
  remove_services uninstall
  kustomize build config/crd | remove
  step uninstall "$CRD is gone"
}

deploy() {
  use_kubectl deploy
  local manifests started
  case "$context $IMG" in "kind-"*" goservice.dev/"*) images_onto_kind "${context#kind-}" ;; esac
  started=$SECONDS
  manifests=$(render)
  apply <<<"$manifests"
  if ! ready; then
    explain
    die "the operator does not become ready; its pods and their last words are above"
  fi
  step deploy "operator $IMG, ready" $((SECONDS - started))
}

# images_onto_kind CLUSTER: no registry holds images of the checkout's own name. The tag is a hash over the sources, so an
# image that is there needs no build.
images_onto_kind() {
  local environment reference
  environment=$(hack/cluster/docker.sh env)
  eval "$environment"
  while read -r _ reference; do
    if ! docker image inspect "$reference" >/dev/null 2>&1; then
      hack/images.sh build
      break
    fi
  done < <(hack/images.sh list)
  CLUSTER=$1 hack/images.sh load
}

# ready waits for the newest pods, three minutes at most, and not in vain for an image that cannot be had. Pods of an
# earlier, broken deployment get a while to go.
ready() {
  local end=$((SECONDS + 180)) patience=$((SECONDS + 25)) reasons
  while [ "$SECONDS" -lt "$end" ]; do
    if kubectl -n "$NAMESPACE" rollout status "deployment/$DEPLOYMENT" --timeout=3s >/dev/null 2>&1; then return 0; fi
    if [ "$SECONDS" -lt "$patience" ]; then continue; fi
    reasons=$(kubectl -n "$NAMESPACE" get pods -l control-plane=controller-manager \
      -o 'jsonpath={.items[*].status.containerStatuses[*].state.waiting.reason}')
    case "$reasons" in *ImagePullBackOff* | *InvalidImageName* | *CrashLoopBackOff*) return 1 ;; esac
  done
  return 1
}
explain() {
  kubectl -n "$NAMESPACE" get pods -o wide >&2 || true
  kubectl -n "$NAMESPACE" get events --sort-by=.metadata.creationTimestamp 2>/dev/null | tail -n 10 >&2 || true
  kubectl -n "$NAMESPACE" logs -l control-plane=controller-manager --prefix --tail=20 >&2 || true
}

undeploy() {
  use_kubectl undeploy
  remove_services undeploy
  # Of what COMPONENTS may have added, this alone does not go with the namespace.
  {
    kustomize build config/default
    printf -- '---\n'
    cat config/secret-references/secret_reader.yaml
  } | remove
  step undeploy "nothing of the operator is left"
}

installer() {
  local manifests
  manifests=$(render)
  mkdir -p dist
  printf '%s\n' "$manifests" >dist/install.yaml
  step installer "dist/install.yaml: kubectl apply --server-side -f dist/install.yaml (images $IMG, $WORKLOAD_IMG)"
}

case "${1:-}" in
install) install_crd ;;
uninstall) uninstall_crd ;;
deploy | undeploy | installer | render) "$1" ;;
*) die "usage: deploy.sh install|uninstall|deploy|undeploy|installer|render" ;;
esac
