#!/usr/bin/env bash
# Brings up a kind cluster with the operator of this checkout, unless it is there, and runs hack/bench/limit on it. Arguments are
# its flags. Settings: CLUSTER.
# shellcheck source=cluster/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/cluster/lib.sh"
cd "$REPO_ROOT" || exit

hack/images.sh build
hack/cluster/cluster.sh up
environment=$(hack/cluster/cluster.sh env)
eval "$environment"
hack/deploy.sh deploy
url=$(hack/cluster/cluster.sh url)
go -C hack/bench run ./limit -url "$url" "$@"
