#!/usr/bin/env bash
# A real cluster by kind, for trying the operator out and for its end-to-end tests.
#
#   cluster.sh up               creates the cluster, unless it is there and answers
#   cluster.sh down             removes it, and ends the container engine that the test bed started
#   cluster.sh status           says what is there
#   cluster.sh load IMAGE…      puts images of the container engine onto every node
#   cluster.sh addons NAME…     installs add-ons: metrics-server, prometheus, network-policies (no-network-policies ends it)
#   cluster.sh kubeconfig       prints the path of a kubeconfig that holds this cluster alone
#   cluster.sh url              prints the address on loopback that leads to NodePort 30080
#   cluster.sh env              prints exports (PATH, KUBECONFIG, DOCKER_…) for scripts that work with the cluster
#
# Settings, from the environment:
#   CLUSTER      its name (goservice)
#   NODES        how many nodes a new cluster has (1); the first is the control plane
#   HTTP_PORT    loopback port for NodePort 30080 (8080, or the next one that is free; none: no port)
#   HTTPS_PORT   loopback port for NodePort 30443 (8443, likewise)
#   NODE_IMAGE   a node image of your own; otherwise kind's, and where none can be pulled one built from Go modules
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

CLUSTER=${CLUSTER:-goservice}
STATE=$TESTBED_CACHE/clusters/$CLUSTER
export CLUSTER_KUBECONFIG=$STATE/kubeconfig

# tools: kind, kubectl and docker as this script calls them.
tools() {
  local environment bin=$TESTBED_CACHE/tools
  environment=$("$CLUSTER_DIR/docker.sh" env)
  eval "$environment"
  "$CLUSTER_DIR/components.sh" kind
  mkdir -p "$bin"
  ln -sfn "$(component kind)/kind" "$bin/kind"
  if ! PATH=${PATH#"$bin:"} have kubectl; then
    "$CLUSTER_DIR/components.sh" kubectl
    ln -sfn "$(component kubernetes)/kubectl" "$bin/kubectl"
  fi
  case ":$PATH:" in *":$bin:"*) ;; *) export PATH=$bin:$PATH ;; esac
}
kubectl() { command kubectl --kubeconfig "$CLUSTER_KUBECONFIG" "$@"; }
nodes() { docker ps "$@" --filter "label=io.x-k8s.kind.cluster=$CLUSTER" --format '{{.Names}}' | sort; }

# healthy: every node runs and is ready, and the cluster's name service answers.
healthy() {
  local all
  all=$(nodes -a)
  [ -n "$all" ] && [ "$all" = "$(nodes)" ] || return 1
  kind -q get kubeconfig --name "$CLUSTER" >"$CLUSTER_KUBECONFIG.new" 2>/dev/null || return 1
  mv "$CLUSTER_KUBECONFIG.new" "$CLUSTER_KUBECONFIG"
  [ "$(kubectl --request-timeout=5s get nodes -o \
    'jsonpath={range .items[*]}{.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}' 2>/dev/null | sort -u)" = True ] || return 1
  [ "$(kubectl --request-timeout=5s -n kube-system get deployment coredns -o 'jsonpath={.status.availableReplicas}' 2>/dev/null)" != "" ]
}

# others: the clusters that run beside this one.
others() {
  docker ps --filter label=io.x-k8s.kind.cluster --format '{{.Label "io.x-k8s.kind.cluster"}}' | sort -u | grep -vx "$CLUSTER" || true
}

up() {
  local beside
  mkdir -p "$STATE"
  tools
  beside=$(others | paste -sd' ')
  if [ -n "$beside" ]; then step "cluster" "beside it run: $beside (what is measured here is disturbed by that)"; fi
  if already_up; then return; fi
  # One at a time, whatever their names: they choose free ports, and share kind's network.
  lock clusters
  if already_up; then return; fi
  if [ -n "$(nodes -a)" ] && [ -z "$(nodes)" ]; then
    task "cluster" "$CLUSTER starts again" restart
    if already_up; then return; fi
  fi
  if [ -n "$(nodes -a)" ]; then
    step "cluster" "$CLUSTER is there and does not answer: creating it again"
    kind -q delete cluster --name "$CLUSTER"
  fi
  local count=${NODES:-1}
  choose_node_image
  choose_ports
  configuration "$count" >"$STATE/kind.yaml"
  task "cluster" "kind, Kubernetes ${VERSION%.*}, $(plural "$count" node)" create "$count"
  echo "                     kubectl's context is kind-$CLUSTER; that cluster alone: KUBECONFIG=$CLUSTER_KUBECONFIG" >&2
}
already_up() {
  local count
  healthy || return 1
  count=$(nodes | wc -l)
  if [ -n "${NODES:-}" ] && [ "$NODES" != "$count" ]; then
    die "cluster $CLUSTER has $(plural "$count" node), and NODES=$NODES is asked for; remove it first: hack/cluster/cluster.sh down"
  fi
  stay_down
  connect_pods || die "the pods of cluster $CLUSTER could not be given a network"
  step "cluster" "$(describe), is there already"
}
plural() { if [ "$1" = 1 ]; then echo "1 $2"; else echo "$1 $2s"; fi; }
describe() {
  printf 'kind, Kubernetes %s, %s' "$(kubectl get nodes -o 'jsonpath={.items[0].status.nodeInfo.kubeletVersion}')" \
    "$(plural "$(nodes | wc -l)" node)"
}

# choose_node_image sets IMAGE, VERSION, and OWN where the image is the one built here. It never waits for a registry
# when an image that will do is at hand.
choose_node_image() {
  local own
  OWN=
  own=$("$CLUSTER_DIR/node-image.sh" name)
  if [ -n "${NODE_IMAGE:-}" ]; then
    IMAGE=$NODE_IMAGE
    [ "$IMAGE" != "$own" ] || OWN=yes
    step "node image" "$IMAGE, as asked"
  elif docker image inspect "$KIND_NODE_IMAGE" >/dev/null 2>&1; then
    IMAGE=$KIND_NODE_IMAGE
  elif docker image inspect "$own" >/dev/null 2>&1; then
    IMAGE=$own OWN=yes
  elif registry_answers; then
    IMAGE=$KIND_NODE_IMAGE
    step "node image" "kind's own, from its registry"
    task "node image" "${IMAGE%@*}" docker pull "$IMAGE"
  else
    step "node image" "no registry answers: built from Go modules and Debian packages (the first time takes a while)"
    IMAGE=$("$CLUSTER_DIR/node-image.sh")
    OWN=yes
  fi
  VERSION=${IMAGE%@*}
  VERSION=${VERSION##*:}
  VERSION=${VERSION%%-*}
}

# registry_answers: asks the engine itself, by its own settings, to begin pulling the node image.
registry_answers() {
  local i pid answer state=1
  answer=$(mktemp)
  docker pull "$KIND_NODE_IMAGE" >"$answer" 2>&1 9>&- &
  pid=$!
  for ((i = 0; i < 75; i++)); do
    if grep -qE 'Pulling (from|fs layer)|Downloading|Digest:' "$answer"; then
      state=0
      break
    fi
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.2
  done
  kill "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
  rm -f "$answer"
  return "$state"
}

# choose_ports sets HTTP_PORT and HTTPS_PORT; a port that somebody asked for by name must be free, others give way.
choose_ports() {
  HTTP_PORT=$(free_port HTTP_PORT "${HTTP_PORT:-}" 8080)
  HTTPS_PORT=$(free_port HTTPS_PORT "${HTTPS_PORT:-}" 8443)
}
free_port() {
  local name=$1 asked=$2 port=$3
  case "$asked" in
  none) return ;;
  ?*)
    taken "$asked" && die "port $asked on loopback is taken; set $name to another one"
    echo "$asked"
    return
    ;;
  esac
  while taken "$port"; do port=$((port + 1)); done
  echo "$port"
}
taken() { (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

configuration() {
  local i role=control-plane
  printf 'kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes:\n'
  for ((i = 0; i < $1; i++)); do
    printf -- '- role: %s\n  image: %s\n' "$role" "$IMAGE"
    if [ "$role" = control-plane ]; then
      printf '  extraPortMappings:\n'
      mapping 30080 "$HTTP_PORT"
      mapping 30443 "$HTTPS_PORT"
    fi
    role=worker
  done
  # Our own image has no network of kind's in it; see connect_pods.
  if [ -n "$OWN" ]; then printf 'networking:\n  disableDefaultCNI: true\n  podSubnet: 10.244.0.0/16\n'; fi
  if [ "$(docker info --format '{{.CgroupVersion}}')" = 1 ]; then
    # The kubelet refuses the first version of control groups unless told otherwise.
    printf 'kubeadmConfigPatches:\n- |\n  kind: KubeletConfiguration\n  failCgroupV1: false\n'
  fi
}
mapping() {
  [ -n "$2" ] || return 0
  printf '  - {containerPort: %s, hostPort: %s, listenAddress: 127.0.0.1, protocol: TCP}\n' "$1" "$2"
}

create() {
  local count=$1 wait=120s
  # Our own image gets its network after kind is done.
  if [ -n "$OWN" ]; then wait=0s; fi
  kind create cluster --name "$CLUSTER" --config "$STATE/kind.yaml" --wait "$wait"
  kind -q get kubeconfig --name "$CLUSTER" >"$CLUSTER_KUBECONFIG"
  chmod 600 "$CLUSTER_KUBECONFIG"
  stay_down
  connect_pods
  kubectl wait --for=condition=Ready nodes --all --timeout=180s
  # kubeadm asks for no CPU for kube-proxy: beside pods that want all of it, it would learn too late which pods leave.
  kubectl -n kube-system set resources daemonset/kube-proxy --requests=cpu=100m
  kubectl -n kube-system rollout status deployment/coredns daemonset/kube-proxy --timeout=180s
}

# stay_down: the test bed's own engine may be killed rather than stopped. Whoever starts it next must not get every cluster
# of before along with it: cluster.sh up starts the one that is asked for. kind's own policy stays in a person's Docker,
# where a restart of the machine brings the cluster back.
stay_down() {
  case "${DOCKER_HOST:-}" in */goservice-testbed-*) nodes | xargs docker update --restart=no ;; esac
}
# restart: the nodes of a cluster whose engine was killed. A cluster that does not come back within two minutes is created
# again, so that is no failure here.
restart() {
  local i in_a_row=0
  nodes -a | xargs docker start || return 0
  # At first the API server may repeat what was true before, and end once more.
  for ((i = 0; i < 120 && in_a_row < 5; i++)); do
    if healthy; then in_a_row=$((in_a_row + 1)); else in_a_row=0; fi
    sleep 1
  done
}

# connect_pods gives each node of our own image a network: pods on veth pairs, addresses from the node's own range, and
# a route to the range of every other node; what leaves the cluster does so under the node's address. Routes go with a
# node's restart, so they are set each time.
connect_pods() {
  local node range other address table
  table=$(pod_ranges) || return 1
  if [ "$(docker exec "$(nodes | head -n 1)" sh -c 'test -e /kind/manifests/default-cni.yaml && echo kind')" = kind ]; then return; fi
  while read -r node range _; do
    conflist "$range" | docker exec -i "$node" sh -euc 'mkdir -p /etc/cni/net.d && cat >/etc/cni/net.d/10-testbed.conflist
      rule="POSTROUTING -s 10.244.0.0/16 ! -d 10.244.0.0/16 -j MASQUERADE"
      iptables -w -t nat -C $rule 2>/dev/null || iptables -w -t nat -A $rule' || return 1
    while read -r other range address; do
      [ "$other" = "$node" ] || docker exec "$node" ip route replace "$range" via "$address" </dev/null || return 1
    done <<<"$table"
  done <<<"$table"
}
# pod_ranges: each node with the range of its pods and its address. A range is given to a node shortly after it joins.
pod_ranges() {
  local i table
  for ((i = 0; i < 300; i++)); do
    table=$(kubectl get nodes -o \
      'jsonpath={range .items[*]}{.metadata.name} {.spec.podCIDR} {.status.addresses[?(@.type=="InternalIP")].address}{"\n"}{end}')
    if [ "$(awk 'NF == 3' <<<"$table" | wc -l)" = "$(nodes | wc -l)" ]; then
      echo "$table"
      return
    fi
    sleep 0.2
  done
  die "not every node was given a range of pod addresses"
}
conflist() {
  cat <<CONFLIST
{"cniVersion": "1.0.0", "name": "testbed", "plugins": [
  {"type": "ptp", "ipMasq": false, "mtu": 1500,
   "ipam": {"type": "host-local", "dataDir": "/run/cni-ipam-state", "routes": [{"dst": "0.0.0.0/0"}], "ranges": [[{"subnet": "$1"}]]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}
]}
CONFLIST
}

down() {
  if [ -d "$TESTBED_CACHE/docker/data" ] || "$CLUSTER_DIR/docker.sh" status >/dev/null; then
    tools
    lock clusters
    if [ -n "$(nodes -a)" ]; then
      task "cluster" "$CLUSTER is removed" kind delete cluster --name "$CLUSTER"
    fi
    # Another cluster may still need the engine and kind's network.
    if [ -z "$(docker ps -aq --filter label=io.x-k8s.kind.cluster)" ]; then
      case "${DOCKER_HOST:-}" in */goservice-testbed-*) docker network rm kind >/dev/null 2>&1 || true ;; esac
      "$CLUSTER_DIR/docker.sh" stop
    fi
  fi
  rm -rf "$STATE"
}

status() {
  "$CLUSTER_DIR/docker.sh" status || return 1
  tools
  if [ -z "$(nodes -a)" ]; then
    echo "there is no cluster called $CLUSTER"
    return 1
  fi
  if ! healthy; then
    echo "cluster $CLUSTER does not answer"
    return 1
  fi
  echo "cluster $CLUSTER: $(describe)"
  echo "NodePort 30080 on $(loopback 30080), 30443 on $(loopback 30443)"
  echo "KUBECONFIG=$CLUSTER_KUBECONFIG"
  kubectl get nodes
}

# loopback NODEPORT: where it is reachable from this machine.
loopback() { docker port "$CLUSTER-control-plane" "$1/tcp" 2>/dev/null || echo none; }

load() {
  [ $# -gt 0 ] || die "usage: cluster.sh load IMAGE…"
  tools
  [ -n "$(nodes)" ] || die "there is no cluster called $CLUSTER; create it first: hack/cluster/cluster.sh up"
  task "load" "$*" kind load docker-image --name "$CLUSTER" "$@"
}

print_env() {
  tools
  # shellcheck disable=SC2016  # the PATH of whoever evaluates this is meant
  printf 'export KUBECONFIG=%q PATH=%q:"$PATH"\n' "$CLUSTER_KUBECONFIG" "$TESTBED_CACHE/tools"
  local name
  for name in DOCKER_HOST DOCKER_CONFIG; do
    [ -z "${!name:-}" ] || printf 'export %s=%q\n' "$name" "${!name}"
  done
}

case "${1:-}" in
up | down | status) "$1" ;;
load)
  shift
  load "$@"
  ;;
addons)
  shift
  tools
  export CLUSTER
  "$CLUSTER_DIR/addons.sh" "$@"
  ;;
kubeconfig) echo "$CLUSTER_KUBECONFIG" ;;
url)
  tools
  echo "http://$(loopback 30080)"
  ;;
env) print_env ;;
*) die "usage: cluster.sh up|down|status|load IMAGE…|addons NAME…|kubeconfig|url|env" ;;
esac
