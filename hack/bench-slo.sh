#!/usr/bin/env bash
# Brings up a kind cluster with metrics-server and the operator of this checkout, unless they are there, and runs
# hack/bench/slo on it. Arguments are its flags. Settings: CLUSTER.
# shellcheck source=cluster/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/cluster/lib.sh"
cd "$REPO_ROOT" || exit

hack/images.sh build
hack/cluster/cluster.sh up
environment=$(hack/cluster/cluster.sh env)
eval "$environment"
hack/cluster/cluster.sh addons metrics-server
hack/deploy.sh deploy
url=$(hack/cluster/cluster.sh url)
go -C hack/bench run ./slo -url "$url" "$@"
