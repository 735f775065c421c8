#!/usr/bin/env bash
# Creates a cluster with a GoService that serves and can be retuned, and removes it again.
#
#   quickstart.sh up            creates images, a kind cluster, the operator, the sample, and a loopback address; can be run again
#   quickstart.sh load FLAG…    sends requests to the sample; flags as in hack/load
#   quickstart.sh down          removes the cluster and the images; the cache of built components stays
# shellcheck source=cluster/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/cluster/lib.sh"
cd "$REPO_ROOT" || exit

export CLUSTER=${CLUSTER:-goservice}
SAMPLE=checkout
NODE_PORT=30080

up() {
  local started=$SECONDS context
  # What the person's own kubectl would talk to decides what is said at the end.
  hack/images.sh build
  hack/cluster/cluster.sh up
  context=$(kubectl config current-context 2>/dev/null || true)
  use_cluster
  hack/cluster/cluster.sh addons metrics-server
  hack/deploy.sh deploy
  sample
  tell "$context" $((SECONDS - started))
}

use_cluster() {
  local environment
  environment=$(hack/cluster/cluster.sh env)
  eval "$environment"
}

sample() {
  local started=$SECONDS pods
  kubectl apply -f config/samples/goservice_minimal.yaml >/dev/null
  # In this order: the pods that confirm are those that take traffic.
  if ! kubectl wait "goservice/$SAMPLE" --for=condition=Ready --timeout=180s >/dev/null ||
    ! kubectl wait "goservice/$SAMPLE" --for=condition=Tuned --timeout=60s >/dev/null; then
    kubectl get "goservice/$SAMPLE" -o 'jsonpath={range .status.conditions[*]}{.type}={.status}  {.reason}  {.message}{"\n"}{end}' >&2 || true
    kubectl get pods -o wide >&2 || true
    die "the sample did not become Ready and Tuned; see its conditions and pods above"
  fi
  expose
  pods=$(kubectl get "goservice/$SAMPLE" -o 'jsonpath={.status.summary.replicas}')
  step "sample" "$SAMPLE Ready, $pods pods, tuned" $((SECONDS - started))
}

# expose leads the port that the cluster keeps on loopback to the sample. A Service of our own: the operator's is for
# inside the cluster.
expose() {
  local selector
  selector=$(kubectl get "goservice/$SAMPLE" -o 'jsonpath={.status.selector}')
  kubectl apply -f - >/dev/null <<MANIFEST
apiVersion: v1
kind: Service
metadata: {name: $SAMPLE-loopback}
spec:
  type: NodePort
  selector: {$(sed 's/=/: "/g; s/,/", /g; s/$/"/' <<<"$selector")}
  ports: [{name: http, port: 80, targetPort: http, nodePort: $NODE_PORT}]
MANIFEST
}

# answers URL: whether the first line of the answer to GET / says 200. Without curl, which a machine may lack.
answers() {
  local authority=${1#http://} status
  exec 3<>"/dev/tcp/${authority%%:*}/${authority##*:}" || return 1
  printf 'GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' "$authority" >&3
  read -r _ status _ <&3 || status=none
  exec 3>&-
  [ "$status" = 200 ]
}

tell() {
  local context=$1 seconds=$2 url i
  url=$(hack/cluster/cluster.sh url)
  for ((i = 0; i < 50; i++)); do
    if (answers "$url") 2>/dev/null; then break; fi
    sleep 0.2
  done
  (answers "$url") 2>/dev/null || die "$url does not answer; run kubectl get gosvc,pods,svc"
  echo
  kubectl get gosvc "$SAMPLE"
  cat <<TEXT

  $url/        send load: make load

TEXT
  if [ "$context" != "kind-$CLUSTER" ]; then
    # shellcheck disable=SC2016  # for the person to type
    printf '  First run this in your shell, so that kubectl is found and uses this cluster:\n      eval "$(hack/cluster/cluster.sh env)"\n\n'
  fi
  cat <<TEXT
  Lower the limit while it runs (no pod restarts; run make load in another terminal to see the effect):
      kubectl patch gosvc $SAMPLE --type=merge -p '{"spec":{"rateLimit":{"requestsPerSecond":100}}}'
      kubectl wait gosvc $SAMPLE --for=condition=Tuned
      kubectl events --for goservice/$SAMPLE
  One event is a warning, RateLimitBelowPeak: the new limit is below the 2000 req/s that the sample declares as its peak.

  Watch:  kubectl get gosvc -w           reason for each number:  kubectl describe gosvc $SAMPLE
  Remove the cluster and the images:  make quickstart-down                        ($seconds s)
TEXT
}

load() {
  local url
  [ -d "$TESTBED_CACHE/clusters/$CLUSTER" ] || die "there is no sample service; run make quickstart first"
  url=$(hack/cluster/cluster.sh url)
  step "load" "$url/ (Ctrl-C ends it)"
  exec go run ./hack/load -url "$url/" "$@"
}

down() {
  local environment references others
  others=$(find "$TESTBED_CACHE/clusters" -mindepth 1 -maxdepth 1 ! -name "$CLUSTER" -printf '%f ' 2>/dev/null || true)
  if [ -n "$others" ]; then
    step "images" "kept, because cluster $others also exists"
  elif hack/cluster/docker.sh status >/dev/null; then
    environment=$(hack/cluster/docker.sh env)
    eval "$environment"
    references=$(docker image ls --filter 'reference=goservice.dev/*' --format '{{.Repository}}:{{.Tag}}')
    if [ -n "$references" ]; then
      xargs docker image rm --force <<<"$references" >/dev/null
      step "images" "goservice.dev/* removed"
    fi
  fi
  hack/cluster/cluster.sh down
  rm -rf bin/image
  if [ -d "$TESTBED_CACHE" ]; then
    step "cache" "$(du -sh "$TESTBED_CACHE" | cut -f1) of built components kept in $TESTBED_CACHE for the next run; you can delete it"
  fi
}

case "${1:-}" in
up | down) "$1" ;;
load)
  shift
  load "$@"
  ;;
*) die "usage: quickstart.sh up|load FLAG…|down" ;;
esac
