#!/usr/bin/env bash
# Tries what goes wrong in clusters on a kind cluster of its own with two nodes: leaders that are killed while the end-to-end
# tests run, leaders that go while 50 services are under load, a control plane that is away, a node that stands still, an
# upgrade from commit 9f9234a and back, and a namespace that is deleted with 200 services. Ends with a RESULT line over all
# parts that ran. The cluster stays for the next run, as after hack/e2e.sh; make chaos-down removes it.
#
# Settings: CHAOS_RUN (parts, from: leader handover apiserver etcd node upgrade namespace; default all), CHAOS_KILL_EVERY (10s),
# CHAOS_OUTAGE (how long the API server is away, 5m), CLUSTER, NODES (2), E2E_TIMEOUT per part (40m).
# shellcheck source=cluster/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/cluster/lib.sh"
cd "$REPO_ROOT" || exit

FIRST=9f9234a
export CLUSTER=${CLUSTER:-goservice-e2e-chaos} NODES=${NODES:-2}
export OLD_IMG=goservice.dev/manager:$FIRST OLD_WORKLOAD_IMG=goservice.dev/workload:$FIRST
export CHAOS_OUTAGE=${CHAOS_OUTAGE:-5m}

# first_images, in a shell of its own: the images of the commit that is upgraded from, built once from its own tree and put onto the nodes.
first_images() {
  local environment tree
  git cat-file -e "$FIRST^{commit}" 2>/dev/null ||
    die "the upgrade starts from commit $FIRST, which is not in this clone: git fetch --unshallow, or leave the part out (CHAOS_RUN)"
  environment=$(hack/cluster/docker.sh env)
  eval "$environment"
  if ! docker image inspect "$OLD_IMG" "$OLD_WORKLOAD_IMG" >/dev/null 2>&1; then
    tree=$(mktemp -d)
    # shellcheck disable=SC2064  # the folder of now is meant
    trap "rm -rf '$tree'" EXIT
    git archive "$FIRST" | tar -x -C "$tree"
    VERSION=$FIRST IMG=$OLD_IMG WORKLOAD_IMG=$OLD_WORKLOAD_IMG ORDERS_IMG=goservice.dev/orders:$FIRST \
      LOAD_IMG=goservice.dev/load:$FIRST "$tree/hack/images.sh" build
    rm -rf "$tree"
  fi
  hack/cluster/cluster.sh up
  hack/cluster/cluster.sh load "$OLD_IMG" "$OLD_WORKLOAD_IMG"
}

# part NAME: runs it, and says which tests it is made of.
part() {
  step chaos "part: $1"
  case "$1" in
  # Left out: the tests that take both operators or the CRD away themselves, which leaves nobody to hand over to.
  leader) CHAOS_KILL_EVERY=${CHAOS_KILL_EVERY:-10s} E2E_SKIP='^TestChaos|^TestUndeployLeavesNothing$|^TestOperatorMayGoAtAnyTime$' hack/e2e.sh ;;
  handover) E2E_RUN='^TestChaosHandOverMovesNothing$' hack/e2e.sh ;;
  apiserver) E2E_RUN='^TestChaosAPIServerStops$' hack/e2e.sh ;;
  etcd) E2E_RUN='^TestChaosEtcdRestarts$' hack/e2e.sh ;;
  node) E2E_RUN='^TestChaosNodeIsPaused$' hack/e2e.sh ;;
  upgrade)
    first_images
    E2E_RUN='^TestChaosUpgradeAndBack$' hack/e2e.sh
    ;;
  namespace) E2E_RUN='^TestChaosNamespaceIsDeleted$' hack/e2e.sh ;;
  *) die "CHAOS_RUN knows leader, handover, apiserver, etcd, node, upgrade and namespace; not $1" ;;
  esac
}

# left_behind, in a shell of its own: removes what a part that was cut off left, for the next part to begin with nothing.
left_behind() {
  local environment
  hack/cluster/cluster.sh up
  environment=$(hack/cluster/cluster.sh env)
  eval "$environment"
  kubectl get namespaces -o name | { grep -E '/(e2e|chaos-probe)-' || true; } | xargs -r kubectl delete --wait=false
}

figures=$(mktemp)
trap 'rm -f "$figures"' EXIT
export CHAOS_FIGURES=$figures
state=0
(left_behind)
for name in ${CHAOS_RUN:-leader handover upgrade namespace node etcd apiserver}; do
  # A shell of its own: a part that fails ends it at once, and the others still run.
  (part "$name") &
  wait $! || {
    state=1
    step chaos "part $name FAILED"
    (left_behind) || step chaos "what it left behind is still there"
  }
done
result chaos "$figures" kills gap_p99_ms hard_gap_p99_ms requests failed failed_paused_node pods_replaced
exit "$state"
