#!/usr/bin/env bash
# Installs add-ons into the cluster; called by `cluster.sh addons`, which prepares the environment.
#
#   addons.sh metrics-server   figures of CPU and memory: kubectl top, and the HorizontalPodAutoscaler
#   addons.sh prometheus       the Prometheus Operator with its CRDs, and a Prometheus at prometheus.monitoring:9090 that
#                              takes every ServiceMonitor and PrometheusRule
#   addons.sh network-policies      NetworkPolicies are enforced, by the firewall of kube-router as a service on each node
#   addons.sh no-network-policies   … and no more
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scratch.sh
source "$CLUSTER_DIR/scratch.sh"

CLUSTER=${CLUSTER:-goservice}
kubectl() { command kubectl --kubeconfig "$CLUSTER_KUBECONFIG" "$@"; }

# pulls_images: whether the nodes are kind's own, so that what they run comes from a registry like they did.
pulls_images() { docker exec "$CLUSTER-control-plane" test -e /kind/manifests/default-cni.yaml; }

# module MODULE VERSION: the folder of its files.
module() { (cd "$WORK" && go mod download -json "$1@$2") | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p'; }

# images NAME=BINARY…: makes and loads the images, each under the name that its registry gives it.
images() {
  local pair names=()
  for pair in "$@"; do
    names+=("${pair%%=*}")
    scratch_image "${pair%%=*}" "${pair#*=}" "bin/${pair##*/}"
  done
  kind load docker-image --name "$CLUSTER" "${names[@]}"
  docker rmi "${names[@]}"
}

metrics-server() {
  pulls_images || "$CLUSTER_DIR/components.sh" metrics-server
  task "metrics-server" "$METRICS_SERVER_VERSION" install_metrics_server
}
install_metrics_server() {
  local overlay=$WORK/metrics-server
  if ! pulls_images; then
    images "registry.k8s.io/metrics-server/metrics-server:$METRICS_SERVER_VERSION=$(component metrics-server)/metrics-server"
  fi
  cp -r "$CLUSTER_DIR/addons/metrics-server" "$overlay"
  cp -r --no-preserve=mode "$(module sigs.k8s.io/metrics-server "$METRICS_SERVER_VERSION")/manifests/base" "$overlay/upstream"
  sed -i "s/METRICS_SERVER_VERSION/$METRICS_SERVER_VERSION/" "$overlay/kustomization.yaml"
  kubectl apply --server-side --force-conflicts -k "$overlay"
  kubectl -n kube-system rollout status deployment/metrics-server --timeout=180s
  kubectl wait --for=condition=Available apiservice/v1beta1.metrics.k8s.io --timeout=120s
}

prometheus() {
  pulls_images || "$CLUSTER_DIR/components.sh" prometheus
  task "prometheus" "$(prometheus_release), operator $PROMETHEUS_OPERATOR_VERSION" install_prometheus
}
# prometheus_release: the module v0.312.0 is the release v3.12.0.
prometheus_release() {
  local module=${PROMETHEUS_VERSION#v0.} number
  number=${module%%.*}
  echo "v${number:0:1}.$((10#${number:1})).${module#*.}"
}
install_prometheus() {
  local overlay=$WORK/prometheus upstream release quay=quay.io/prometheus-operator
  release=$(prometheus_release)
  upstream=$(module github.com/prometheus-operator/prometheus-operator "$PROMETHEUS_OPERATOR_VERSION")/example
  if ! pulls_images; then
    local built
    built=$(component prometheus-operator)
    images "$quay/prometheus-operator:$PROMETHEUS_OPERATOR_VERSION=$built/operator" \
      "$quay/prometheus-config-reloader:$PROMETHEUS_OPERATOR_VERSION=$built/prometheus-config-reloader" \
      "quay.io/prometheus/prometheus:$release=$(component prometheus)/prometheus"
  fi
  cp -r "$CLUSTER_DIR/addons/prometheus" "$overlay"
  cp -r --no-preserve=mode "$upstream/rbac/prometheus-operator" "$overlay/upstream"
  sed -i "s/PROMETHEUS_RELEASE/$release/" "$overlay/prometheus.yaml"
  kubectl apply --server-side --force-conflicts -f "$upstream/prometheus-operator-crd"
  kubectl wait --for=condition=Established --timeout=60s -f "$upstream/prometheus-operator-crd"
  kubectl apply --server-side --force-conflicts -k "$overlay"
  kubectl -n monitoring rollout status deployment/prometheus-operator --timeout=180s
  kubectl -n monitoring wait --for=condition=Available prometheus/testbed --timeout=180s
}

# On the nodes themselves rather than in a pod: all that it runs, iptables and ipset, is there. kind's own nodes enforce policies
# by themselves.
network-policies() {
  pulls_images && return
  "$CLUSTER_DIR/components.sh" kube-router
  task "network policies" "kube-router $KUBE_ROUTER_VERSION" install_network_policies
}
install_network_policies() {
  local node i
  kind get kubeconfig --internal --name "$CLUSTER" >"$WORK/kube-router.conf"
  for node in $(kind get nodes --name "$CLUSTER"); do
    docker cp "$(component kube-router)/kube-router" "$node:/usr/local/bin/kube-router"
    docker cp "$WORK/kube-router.conf" "$node:/etc/kubernetes/kube-router.conf"
    docker exec "$node" systemctl is-active --quiet kube-router ||
      docker exec "$node" systemd-run --quiet --collect --unit=kube-router /usr/local/bin/kube-router \
        --run-firewall=true --run-router=false --run-service-proxy=false --service-cluster-ip-range=10.96.0.0/16 \
        --kubeconfig=/etc/kubernetes/kube-router.conf --hostname-override="$node"
    for ((i = 0; i < 150; i++)); do
      if docker exec "$node" iptables -w -S FORWARD | grep -q KUBE-ROUTER-FORWARD; then continue 2; fi
      sleep 0.2
    done
    docker exec "$node" journalctl --no-pager --unit=kube-router
    return 1
  done
}

# What it leaves behind decides nothing once no rule leads there.
no-network-policies() {
  pulls_images && return
  task "network policies" "no longer enforced" remove_network_policies
}
remove_network_policies() {
  local node
  for node in $(kind get nodes --name "$CLUSTER"); do
    docker exec "$node" sh -euc 'systemctl stop kube-router
      iptables -w -S | grep "^-A .*-j KUBE-ROUTER-" | sed "s/^-A/-D/" | xargs -r -L 1 iptables -w'
  done
}

[ $# -gt 0 ] || die "usage: cluster.sh addons metrics-server|prometheus|network-policies|no-network-policies …"
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
for name in "$@"; do
  case "$name" in
  metrics-server | prometheus | network-policies | no-network-policies) "$name" ;;
  *) die "no add-on is called $name; there are metrics-server, prometheus, and network-policies" ;;
  esac
done
