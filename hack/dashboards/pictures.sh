#!/usr/bin/env bash
# Draws both dashboards into docs/images, from the metrics of a service under load on the cluster of the end-to-end tests: about 15 minutes.
# The cluster stays; make e2e-down removes it.
# shellcheck source=../cluster/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../cluster/lib.sh"
cd "$REPO_ROOT" || exit

export CLUSTER=${CLUSTER:-goservice-e2e}
NAME=checkout NODE_PORT=30080

E2E_RUN='^$' hack/e2e.sh
environment=$(hack/cluster/cluster.sh env)
eval "$environment"
url=$(hack/cluster/cluster.sh url)
namespace=dashboards-$$
kubectl create namespace "$namespace" >/dev/null
trap 'kubectl delete namespace "$namespace" --wait=false >/dev/null' EXIT
# Pods that are added must find room on a node of two processors: they request little.
kubectl -n "$namespace" apply -f - >/dev/null <<MANIFEST
apiVersion: goservice.dev/v1alpha1
kind: GoService
metadata: {name: $NAME}
spec:
  slo:
    availability: "99.9"
    latency: {threshold: 250ms, percentile: "99"}
  rateLimit: {requestsPerSecond: 400}
  autoscaling: {minReplicas: 2, maxReplicas: 4}
  resources: {requests: {cpu: 50m, memory: 64Mi}, limits: {memory: 128Mi}}
  observability: {metrics: {interval: 5s}}
---
apiVersion: v1
kind: Service
metadata: {name: $NAME-loopback}
spec:
  type: NodePort
  selector: {app.kubernetes.io/name: $NAME}
  ports: [{name: http, port: 80, targetPort: http, nodePort: $NODE_PORT}]
MANIFEST
kubectl -n "$namespace" wait "gosvc/$NAME" --for=condition=Tuned --timeout=180s >/dev/null

# send RATE DURATION: as many requests per second, half of them over four connections.
send() {
  step "load" "$1 requests/s for $2"
  "$load" -url "$url/work?cpu=3ms" -rate "$(($1 / 2))" -for "$2" -http2 -connections 4 >/dev/null &
  "$load" -url "$url/work?cpu=3ms" -rate "$(($1 / 2))" -for "$2" -connections 16 >/dev/null
  wait
}
load=$(mktemp)
go build -o "$load" ./hack/load
started=$SECONDS
send 60 2m
send 180 3m
kubectl -n "$namespace" patch "gosvc/$NAME" --type=merge -p '{"spec":{"rateLimit":{"requestsPerSecond":120}}}' >/dev/null
send 180 2m
kubectl -n "$namespace" patch "gosvc/$NAME" --type=merge -p '{"spec":{"rateLimit":{"requestsPerSecond":400}}}' >/dev/null
send 100 3m
rm "$load"

took=$((SECONDS - started))s
go -C hack/dashboards run ./picture -dashboard service -set "namespace=$namespace" -set "service=$NAME" -since "$took" -out ../../docs/images/dashboard-service.svg
go -C hack/dashboards run ./picture -dashboard operator -set job=goservice-controller-manager-metrics -step 10s -since "$took" -out ../../docs/images/dashboard-operator.svg
step "pictures" "docs/images/dashboard-service.svg, docs/images/dashboard-operator.svg"
