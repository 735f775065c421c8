#!/bin/sh
# Compiles what goes into the images: static, without paths of the machine, with the version inside. The same script runs
# on a developer's machine (make binaries) and in the Dockerfile's compile stage, so both make the same bits.
#
#   OUT=bin/image/arm64 GOARCH=arm64 VERSION=v0.1.0 hack/binaries.sh
set -eu

: "${OUT:?name the folder to write to, such as OUT=bin/image/amd64}"
VERSION=${VERSION:-dev}
export CGO_ENABLED=0 GOOS="${GOOS:-linux}"
mkdir -p "$OUT"

compile() {
  name=$1 package=$2 tags=$3
  go build -trimpath -buildvcs=false -tags "$tags" -ldflags "-s -w -X main.version=$VERSION" -o "$OUT/$name" "$package"
}
# grpc, which the authentication of the metrics endpoint links, traces itself through html/template; without that the
# linker can leave out what nothing calls, and the manager is a third smaller.
compile manager . grpcnotrace
compile workload ./workload "${WORKLOAD_TAGS:-}"
compile orders ./workload/examples/orders "${WORKLOAD_TAGS:-}"
compile load ./hack/load ""

# The roots that this machine trusts: Go looks in the same places.
for bundle in "${SSL_CERT_FILE:-}" /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt \
  /etc/ssl/ca-bundle.pem /etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem /etc/ssl/cert.pem; do
  if [ -n "$bundle" ] && [ -s "$bundle" ]; then
    cp "$bundle" "$OUT/ca-certificates.crt"
    chmod 644 "$OUT/ca-certificates.crt"
    exit
  fi
done
echo "error: this machine has no bundle of root certificates: apt-get install ca-certificates" >&2
exit 1
