#!/usr/bin/env bash
# Builds the images, with or without a registry, and tells their sizes.
#
#   hack/images.sh build      manager, workload, the orders example and the load generator into the local engine
#   hack/images.sh load       puts what build made onto every node of the kind cluster
#   hack/images.sh compiled   builds all of them in the Dockerfile's own compile stage, without a registry, and compares their programs
#   hack/images.sh list       prints the Dockerfile's targets and the images that build makes of them
#   hack/images.sh push       pushes manager and workload, as build made them
#   hack/images.sh publish    builds these two for every one of PLATFORMS and pushes an index of each
#
# Reads IMG, WORKLOAD_IMG, ORDERS_IMG, LOAD_IMG (image references), VERSION, and BINARIES: prebuilt (the default: compiled here, the
# engine only packs) or compile (compiled inside golang:, which takes a registry).
# shellcheck source=cluster/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/cluster/lib.sh"
# shellcheck source=cluster/golang.sh
source "$(dirname "${BASH_SOURCE[0]}")/cluster/golang.sh"
cd "$REPO_ROOT"

VERSION=${VERSION:-$(hack/version.sh)}
IMG=${IMG:-goservice.dev/manager:$VERSION}
WORKLOAD_IMG=${WORKLOAD_IMG:-goservice.dev/workload:$VERSION}
ORDERS_IMG=${ORDERS_IMG:-goservice.dev/orders:$VERSION}
LOAD_IMG=${LOAD_IMG:-goservice.dev/load:$VERSION}
BINARIES=${BINARIES:-prebuilt}
PLATFORMS=${PLATFORMS:-linux/amd64,linux/arm64}
export VERSION WORKLOAD_TAGS=${WORKLOAD_TAGS-grpcnotrace}

# Target and reference of each image.
images() {
  echo "manager $IMG"
  echo "workload $WORKLOAD_IMG"
  echo "orders $ORDERS_IMG"
  echo "load $LOAD_IMG"
}

# released: those that an installation needs; the others stay here.
released() { images | grep -E '^(manager|workload) '; }

use_engine() {
  local environment
  environment=$(hack/cluster/docker.sh env)
  eval "$environment"
}

# binaries ARCHITECTURE…: for the prebuilt stage.
binaries() {
  local architecture
  for architecture in "$@"; do
    task binaries "linux/$architecture, $VERSION" env OUT="bin/image/$architecture" GOARCH="$architecture" hack/binaries.sh
  done
}

# pack TARGET REFERENCE FLAG…
pack() {
  local target=$1 reference=$2
  shift 2
  docker buildx build --quiet --target "$target" --tag "$reference" --build-arg BINARIES="$BINARIES" \
    --build-arg VERSION="$VERSION" --build-arg WORKLOAD_TAGS="$WORKLOAD_TAGS" "$@" .
}

size() { docker image inspect --format '{{.Size}}' "$1" | awk '{printf "%.1f MB", $1 / 1e6}'; }

build() {
  use_engine
  local target reference
  if [ "$BINARIES" = prebuilt ]; then binaries "$(go env GOARCH)"; fi
  while read -r target reference; do
    task image "$reference" pack "$target" "$reference" --load --platform "linux/$(go env GOARCH)"
    printf '%21s%s\n' "" "$(size "$reference")" >&2
  done < <(images)
}

compiled() {
  use_engine
  local target version=goservice out
  out=$(mktemp -d)
  # shellcheck disable=SC2064  # the folder of now is meant
  trap "rm -rf $out" EXIT
  golang_image "golang:$version"
  task binaries "$VERSION, on this machine" env OUT="$out" GOARCH="$(go env GOARCH)" hack/binaries.sh
  BINARIES=compile
  while read -r target _; do
    task image "$target, compiled inside" pack "$target" "goservice.dev/$target:compiled" --output "type=local,dest=$out/image/$target" \
      --build-arg GO_VERSION="$version"
    cmp "$out/$target" "$out/image/$target/$target" || die "$target: what the image's compile stage makes differs from what hack/binaries.sh makes here"
  done < <(images)
  docker image rm "golang:$version" >/dev/null
  step image "all programs are the same bits"
}

# built REFERENCE: ends with advice where it is not.
built() {
  docker image inspect "$1" >/dev/null 2>&1 || die "$1 has not been built: run make docker-build first, with the same settings"
}

load() {
  use_engine
  local target reference references=()
  while read -r target reference; do
    built "$reference"
    references+=("$reference")
  done < <(images)
  hack/cluster/cluster.sh load "${references[@]}"
}

push() {
  use_engine
  local target reference
  while read -r target reference; do
    built "$reference"
    task push "$reference" docker push --quiet "$reference"
  done < <(released)
}

publish() {
  use_engine
  local target reference platform architectures=() builder=goservice-publish
  for platform in ${PLATFORMS//,/ }; do architectures+=("${platform#linux/}"); done
  if [ "$BINARIES" = prebuilt ]; then binaries "${architectures[@]}"; fi
  # The engine's own builder packs one platform at a time; this one all of them.
  docker buildx inspect "$builder" >/dev/null 2>&1 || docker buildx create --name "$builder" --driver docker-container >/dev/null
  # shellcheck disable=SC2064  # the name of now is meant
  trap "docker buildx rm $builder >/dev/null 2>&1" EXIT
  while read -r target reference; do
    task publish "$reference for $PLATFORMS" pack "$target" "$reference" --builder "$builder" --push --platform "$PLATFORMS"
  done < <(released)
}

case "${1:-}" in
build | compiled | load | push | publish) "$1" ;;
list) images ;;
*) die "usage: hack/images.sh build|compiled|load|list|push|publish" ;;
esac
