#!/usr/bin/env bash
# Builds components of the test bed from their Go modules, for machines that can reach neither a container registry nor
# a download site. Each result is cached outside the checkout by version: a second call takes no time.
#
#   components.sh PART…     PART: envtest, setup-envtest, kind, kubectl, buildx, node, metrics-server,
#                           kube-router, prometheus, podinfo, jaeger, all (without jaeger)
#
# Says only how it gets on; the binaries land in $TESTBED_CACHE/bin/<component>-<version>/.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# build COMPONENT TAGS PACKAGE…: builds commands of one module in a scratch module of their own, so that each is linked
# against exactly what its own go.mod asks for.
build() {
  local component=$1 tags=$2 out package missing=()
  shift 2
  out=$(component "$component")
  for package in "$@"; do
    [ -x "$out/$(command_name "$package")" ] || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  have go || die "Go is needed to build $component"
  # Holding the lock, look again: somebody else may just have built it.
  if [ -z "${LOCKED:-}" ]; then
    lock components
    LOCKED=yes
    build "$component" "$tags" "$@"
    return
  fi
  local version=${out##*/"$component"-}
  task "build" "$component $version from its Go module" compile "$component" "$version" "$tags" "$out" "${missing[@]}"
}

# command_name PACKAGE: what go build calls it; a trailing major version is not part of the name.
command_name() {
  local name=${1##*/}
  if [[ $name =~ ^v[0-9]+$ ]]; then
    name=${1%/*}
    name=${name##*/}
  fi
  echo "$name"
}

compile() {
  local component=$1 version=$2 tags=$3 out=$4 scratch package
  shift 4
  scratch=$(mktemp -d)
  # shellcheck disable=SC2064  # the folder of now is meant
  trap "rm -rf '$scratch'" EXIT
  cd "$scratch"
  go mod init testbed.local/build
  if [ "$component" = kubernetes ]; then staging_replacements "$version"; fi
  # Stop here if the version cannot be had: go build would take whichever it finds.
  go get "${@/%/@$version}" || exit 1
  mkdir -p "$scratch/out" "$out"
  GOFLAGS='' GOWORK=off CGO_ENABLED=${CGO:-0} \
    go build -mod=mod -trimpath -buildvcs=false -tags "$tags" -ldflags "-s -w ${LDFLAGS:-}" -o "$scratch/out/" "$@"
  # Moved only when whole, so that whatever exists is complete.
  for package in "$scratch"/out/*; do
    cp "$package" "$out/.new" && mv "$out/.new" "$out/${package##*/}"
  done
}

# k8s.io/kubernetes requires its staging modules at v0.0.0 and replaces them by folders; point those at the modules
# that are published beside each release instead.
staging_replacements() {
  local version=$1 staged=v0.${1#v1.} gomod
  gomod=$(go mod download -json "k8s.io/kubernetes@$version" | sed -n 's/^\t"GoMod": "\(.*\)",$/\1/p')
  sed -n 's#^\t*\(k8s\.io/[^ ]*\) => \./staging/.*#\1#p' "$gomod" | sort -u | while read -r module; do
    go mod edit -replace "$module=$module@$staged"
  done
}

kubernetes() {
  local version=$KUBERNETES_VERSION minor=${KUBERNETES_VERSION#v1.} flags='' package
  # Without a version of its own kubeadm refuses the kubelet, and the other way round.
  for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    flags+=" -X $package.gitVersion=$version -X $package.gitMajor=1 -X $package.gitMinor=${minor%%.*} -X $package.gitTreeState=clean"
  done
  LDFLAGS=$flags build kubernetes "" "${@/#/k8s.io/kubernetes/cmd/}"
}

kubectl() { kubernetes kubectl; }
kind() { build kind "" sigs.k8s.io/kind; }
buildx() { build buildx "" github.com/docker/buildx/cmd/buildx; }
setup-envtest() { build setup-envtest "" sigs.k8s.io/controller-runtime/tools/setup-envtest; }
kube-router() { build kube-router "" github.com/cloudnativelabs/kube-router/v2/cmd/kube-router; }
metrics-server() { build metrics-server "" sigs.k8s.io/metrics-server/cmd/metrics-server; }

# What a controller test starts, in one folder under the names that it looks for.
envtest() {
  local dir=$COMPONENTS_BIN/envtest-$KUBERNETES_VERSION name
  build etcd "" go.etcd.io/etcd/server/v3
  kubernetes kube-apiserver kubectl
  mkdir -p "$dir"
  ln -sfn "$(component etcd)/server" "$dir/etcd"
  for name in kube-apiserver kubectl; do
    ln -sfn "$(component kubernetes)/$name" "$dir/$name"
  done
}

node() {
  envtest
  kubernetes kubelet kubeadm kube-controller-manager kube-scheduler kube-proxy
  kind
  build containerd "no_btrfs no_zfs no_devmapper" \
    github.com/containerd/containerd/v2/cmd/{containerd,containerd-shim-runc-v2,ctr}
  if [ ! -x "$(component runc)/runc" ]; then
    need_packages "building runc" gcc libc6-dev libseccomp-dev pkg-config
  fi
  CGO=1 build runc seccomp github.com/opencontainers/runc
  build cri-tools "" sigs.k8s.io/cri-tools/cmd/crictl
  build cni-plugins "" \
    github.com/containernetworking/plugins/plugins/ipam/host-local \
    github.com/containernetworking/plugins/plugins/main/{loopback,ptp} \
    github.com/containernetworking/plugins/plugins/meta/portmap
  build coredns "" github.com/coredns/coredns
}

prometheus() {
  build prometheus-operator "" \
    github.com/prometheus-operator/prometheus-operator/cmd/{operator,prometheus-config-reloader}
  build prometheus "" github.com/prometheus/prometheus/cmd/{prometheus,promtool}
}

# A service of others, which the end-to-end tests run as it is.
podinfo() { build podinfo "" github.com/stefanprodan/podinfo/cmd/podinfo; }

# The collector and store of traces, for make test-jaeger.
jaeger() { build jaeger "" github.com/jaegertracing/jaeger/cmd/jaeger; }

all() {
  node
  buildx
  metrics-server
  kube-router
  prometheus
  podinfo
}

[ $# -gt 0 ] || die "usage: components.sh envtest|setup-envtest|kind|kubectl|buildx|node|metrics-server|kube-router|prometheus|podinfo|jaeger|all …"
for part in "$@"; do
  case "$part" in
  envtest | setup-envtest | kind | kubectl | buildx | node | metrics-server | kube-router | prometheus | podinfo | jaeger | all) "$part" ;;
  *) die "no part of the test bed is called $part" ;;
  esac
done
