#!/usr/bin/env bash
# Sends a request through all parts of the reference service, and finds its trace in a real Jaeger, which takes 4 minutes to compile at first.
# shellcheck source=cluster/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/cluster/lib.sh"
cd "$REPO_ROOT" || exit

hack/cluster/components.sh jaeger
need_packages "the test of workload/examples/orders" postgresql redis-server
JAEGER=$(component jaeger)/jaeger
export JAEGER
go -C workload/examples/orders test -tags jaeger -count=1 -v -run '^TestATraceArrivesInJaeger$' .
