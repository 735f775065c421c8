#!/usr/bin/env bash
# Brings up a kind cluster of its own with the images and the operator of this checkout, and runs the end-to-end tests on
# it. The cluster stays: the next run starts at once, and a failure can be looked at.
#
# The tests get from the environment:
#   KUBECONFIG       the cluster, and no other
#   E2E_URL          the loopback address that leads to NodePort 30080
#   IMG, WORKLOAD_IMG, ORDERS_IMG, LOAD_IMG, FOREIGN_IMG, PODINFO_IMG, POSTGRES_IMG   the images that were loaded
#   NEXT_WORKLOAD_IMG               the workload's image by another name, to roll to
# Settings: CLUSTER, NODES, E2E_TIMEOUT, E2E_RUN (which tests), E2E_SKIP (which not), E2E_ADDONS.
# shellcheck source=cluster/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/cluster/lib.sh"
# shellcheck source=cluster/scratch.sh
source "$(dirname "${BASH_SOURCE[0]}")/cluster/scratch.sh"
# shellcheck source=cluster/postgres.sh
source "$(dirname "${BASH_SOURCE[0]}")/cluster/postgres.sh"
cd "$REPO_ROOT" || exit

[ -d hack/e2e ] || die "there are no end-to-end tests in hack/e2e"
export CLUSTER=${CLUSTER:-goservice-e2e}
VERSION=${VERSION:-$(hack/version.sh)}
export VERSION
export IMG=${IMG:-goservice.dev/manager:$VERSION}
export WORKLOAD_IMG=${WORKLOAD_IMG:-goservice.dev/workload:$VERSION}
export ORDERS_IMG=${ORDERS_IMG:-goservice.dev/orders:$VERSION}
export LOAD_IMG=${LOAD_IMG:-goservice.dev/load:$VERSION}
export FOREIGN_IMG=goservice.dev/foreign:e2e PODINFO_IMG=goservice.dev/podinfo:e2e POSTGRES_IMG=goservice.dev/postgres:e2e
export NEXT_WORKLOAD_IMG=${NEXT_WORKLOAD_IMG:-goservice.dev/workload:$VERSION-next}

hack/images.sh build
hack/cluster/cluster.sh up
environment=$(hack/cluster/cluster.sh env)
eval "$environment"
# All nodes take pods, the first one too. It may be so already, which kubectl calls an error.
kubectl taint nodes --all node-role.kubernetes.io/control-plane:NoSchedule- >/dev/null 2>&1 || true
foreign_image "$FOREIGN_IMG"
podinfo_image "$PODINFO_IMG"
postgres_image "$POSTGRES_IMG"
hack/cluster/cluster.sh load "$FOREIGN_IMG" "$PODINFO_IMG" "$POSTGRES_IMG"
docker tag "$WORKLOAD_IMG" "$NEXT_WORKLOAD_IMG"
hack/cluster/cluster.sh load "$NEXT_WORKLOAD_IMG"
E2E_ADDONS=${E2E_ADDONS:-metrics-server prometheus}
# shellcheck disable=SC2086  # several names
hack/cluster/cluster.sh addons $E2E_ADDONS
case " $E2E_ADDONS " in
*" prometheus "*) export COMPONENTS="${COMPONENTS:-prometheus}" ;; # which scrapes the operator, too
esac
hack/deploy.sh deploy
E2E_URL=$(hack/cluster/cluster.sh url)
export E2E_URL
step "e2e" "go test -tags e2e ./hack/e2e/... (to look at the cluster: export KUBECONFIG=$KUBECONFIG)"
go test -tags e2e -count=1 -p 1 -v -timeout "${E2E_TIMEOUT:-40m}" -run "${E2E_RUN:-.}" -skip "${E2E_SKIP:-^$}" ./hack/e2e/...
