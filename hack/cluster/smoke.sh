#!/usr/bin/env bash
# Tries the cluster out: pods start, each reaches each (across nodes, where there are several), names resolve, a Service
# leads to its pods by its address and by a port of every node, and – with metrics-server – the autoscaler has a figure.
# It removes what it made.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scratch.sh
source "$CLUSTER_DIR/scratch.sh"

environment=$("$CLUSTER_DIR/cluster.sh" env)
eval "$environment"
NAMESPACE=testbed-smoke

pods_start() {
  build_program "$CLUSTER_DIR/smoke" "$WORK/smoke"
  scratch_image testbed.local/smoke:1 "$WORK/smoke" bin/smoke
  "$CLUSTER_DIR/cluster.sh" load testbed.local/smoke:1
  remove # what an earlier run left when it was cut off
  kubectl apply -f "$CLUSTER_DIR/smoke/manifest.yaml"
  kubectl -n "$NAMESPACE" rollout status deployment/smoke --timeout=120s
}

# fetch POD URL: has the pod fetch it, by way of the API server.
fetch() { kubectl get --raw "/api/v1/namespaces/$NAMESPACE/pods/$1:8080/proxy/fetch?url=http://$2/"; }

pods_reach_each_other() {
  local pods from address
  pods=$(kubectl -n "$NAMESPACE" get pods -o 'jsonpath={range .items[*]}{.metadata.name} {.status.podIP} {.spec.nodeName}{"\n"}{end}')
  echo "$pods"
  while read -r from _; do
    while read -r _ address _; do
      fetch "$from" "$address:8080"
    done <<<"$pods"
  done <<<"$pods"
}

services_lead_to_pods() {
  local pod port address
  pod=$(kubectl -n "$NAMESPACE" get pods -o 'jsonpath={.items[0].metadata.name}')
  port=$(kubectl -n "$NAMESPACE" get service smoke -o 'jsonpath={.spec.ports[0].nodePort}')
  # The first moments of a Service may pass before every node knows it.
  for _ in {1..50}; do
    if fetch "$pod" "smoke.$NAMESPACE.svc.cluster.local"; then break; fi
    sleep 0.2
  done
  fetch "$pod" "smoke.$NAMESPACE.svc.cluster.local"
  for address in $(kubectl get nodes -o 'jsonpath={.items[*].status.addresses[?(@.type=="InternalIP")].address}'); do
    fetch "$pod" "$address:$port"
  done
}

autoscaler_has_a_figure() {
  local figure
  for _ in {1..240}; do
    figure=$(kubectl -n "$NAMESPACE" get hpa smoke -o 'jsonpath={.status.currentMetrics[0].resource.current.averageUtilization}')
    if [ -n "$figure" ]; then
      echo "$figure %"
      kubectl top pods -n "$NAMESPACE"
      return
    fi
    sleep 0.5
  done
  kubectl -n "$NAMESPACE" describe hpa smoke
  return 1
}

remove() { kubectl delete -f "$CLUSTER_DIR/smoke/manifest.yaml" --ignore-not-found --timeout=120s; }

WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
task "smoke" "pods start" pods_start
task "smoke" "pods reach each other" pods_reach_each_other
task "smoke" "names resolve, Services lead to pods" services_lead_to_pods
if kubectl get apiservice v1beta1.metrics.k8s.io >/dev/null 2>&1; then
  task "smoke" "the autoscaler has a figure" autoscaler_has_a_figure
fi
task "smoke" "all of it is removed" remove
