#!/usr/bin/env bash
# Prints the folder that holds etcd, kube-apiserver and kubectl for controller tests, alone on stdout:
#
#   KUBEBUILDER_ASSETS=$(hack/cluster/envtest.sh) go test ./controllers/...
#
# That is KUBEBUILDER_ASSETS if it is set; else what setup-envtest finds or downloads; else what is built here from Go
# modules, once.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

if [ -n "${KUBEBUILDER_ASSETS:-}" ]; then
  echo "$KUBEBUILDER_ASSETS"
  exit
fi
built=$COMPONENTS_BIN/envtest-$KUBERNETES_VERSION
if [ ! -x "$built/etcd" ] || [ ! -x "$built/kube-apiserver" ] || [ ! -x "$built/kubectl" ]; then
  # Asked first, because a download takes seconds and a build minutes.
  "$CLUSTER_DIR/components.sh" setup-envtest
  minor=${KUBERNETES_VERSION#v}
  if found=$(timeout 120 "$(component setup-envtest)/setup-envtest" use "${minor%.*}.x" \
    --bin-dir "$TESTBED_CACHE/setup-envtest" -p path 2>/dev/null); then
    echo "$found"
    exit
  fi
  step "envtest" "nothing can be downloaded: built from Go modules (the first time takes a while)"
  "$CLUSTER_DIR/components.sh" envtest
fi
echo "$built"
