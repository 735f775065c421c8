#!/usr/bin/env bash
# Goes the way of somebody who tries the operator, on a kind cluster of its own, which is removed afterwards: installs the chart with Helm 4 and
# Helm 3, upgrades it from the chart of an earlier commit, rolls back, and uninstalls, while a service is under load, runs the plugin's commands, makes a
# new service, and at last the quickstart.
# The operators are of this checkout all the time.
#
# Settings: CLUSTER, OLDER (da205f2: the commit of the earlier chart, which must be in the clone), and RUN (selects tests).
# shellcheck source=cluster/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/cluster/lib.sh"
# shellcheck source=cluster/bench.sh
source "$(dirname "${BASH_SOURCE[0]}")/cluster/bench.sh"
cd "$REPO_ROOT" || exit

# Not with the operator's name in it: the tests look for what bears that.
export CLUSTER=${CLUSTER:-journey}
VERSION=${VERSION:-$(hack/version.sh)}
export VERSION
chart=config/charts/goservice-operator
work=$(mktemp -d)
trap 'rm -rf "$work"; hack/cluster/cluster.sh down' EXIT

mkdir "$work/older" "$work/bin"
git archive "${OLDER:-da205f2}" "$chart" | tar -x -C "$work/older"
helms "$work/bin"
go -C hack/kubectl-gosvc build -o "$work/bin/kubectl-gosvc" .
bench_cluster
hack/images.sh load
hack/cluster/cluster.sh addons metrics-server
PATH=$work/bin:$PATH HELMS=$work/bin CHART=$REPO_ROOT/$chart OLDER_CHART=$work/older/$chart SAMPLE=$REPO_ROOT/config/samples/goservice_minimal.yaml TAG=$VERSION URL=$(hack/cluster/cluster.sh url) \
  go test -tags e2e -count=1 -timeout 60m -v -run "${RUN:-.}" ./hack/journey
