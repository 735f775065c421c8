#!/bin/sh
# Compiles what goes into the images, and kubectl-gosvc if it is named: static, without paths of the machine, with the version inside. The same script runs
# on a developer's machine (make docker-build) and in the Dockerfile's compile stage. The same sources and the same Go make the
# same bits, wherever they lie and whatever the caller's Go settings are. Root certificates and time zones are compiled in.
#
#   OUT=bin/image/arm64 GOARCH=arm64 VERSION=v0.1.0 hack/binaries.sh [NAME…]     those of the images if none is named
set -eu

: "${OUT:?name the folder to write to, such as OUT=bin/image/amd64}"
VERSION=${VERSION:-dev}
mkdir -p "$OUT"
OUT=$(cd "$OUT" && pwd)

# No default.pgo: with a profile of the chain's own benchmark the chain took 2 % less time, which a request does not notice, and
# every build takes minutes longer.
#
# What the environment may say otherwise. GOFLAGS may point to other go.mod files, tags, or overlays.
export CGO_ENABLED=0 GOOS="${GOOS:-linux}" GOFLAGS=-buildvcs=false GOWORK="" GOEXPERIMENT="" GOFIPS140=off GOAMD64=v1 GOARM64=v8.0

# compile NAME MODULE PACKAGE TAGS: in the module's own folder, because a workspace above it may have other versions.
compile() {
  case " $wanted " in *" $1 "*) ;; *) return 0 ;; esac
  (cd "$2" && go build -trimpath -tags "$4" -ldflags "-s -w -X main.version=$VERSION" -o "$OUT/$1$suffix" "$3")
}
suffix=
if [ "$GOOS" = windows ]; then suffix=.exe; fi
wanted=${*:-manager workload orders load}
# grpc, which the authentication of the metrics endpoint links, traces itself through html/template; without that the
# linker can leave out what nothing calls, and the manager is a third smaller.
compile manager . . grpcnotrace
compile workload workload . "${WORKLOAD_TAGS:-}"
compile orders workload/examples/orders . "${WORKLOAD_TAGS:-}"
compile load . ./hack/load ""
compile kubectl-gosvc hack/kubectl-gosvc . ""
