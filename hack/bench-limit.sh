#!/usr/bin/env bash
# Brings up a kind cluster with the operator of this checkout, unless it is there, and runs hack/bench/limit on it. Arguments are
# its flags. Settings: CLUSTER, and FULL=true (ten pods that become twenty, demands from 1.05 to 3 times the limit, skews of 3:1 and
# 10:1, and also an equal division whose pods lend: about an hour).
# shellcheck source=cluster/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/cluster/lib.sh"
# shellcheck source=cluster/bench.sh
source "$(dirname "${BASH_SOURCE[0]}")/cluster/bench.sh"
cd "$REPO_ROOT" || exit

flags=()
if [ "${FULL:-false}" = true ]; then
  flags=(-pods 10 -lending -loads "3:1.05,3:1.5,3:3,10:1.05,10:1.5,10:3")
fi

bench_cluster
hack/deploy.sh deploy
url=$(hack/cluster/cluster.sh url)
go -C hack/bench run ./limit -url "$url" "${flags[@]}" "$@"
