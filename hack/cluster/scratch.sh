# shellcheck shell=bash
# Sourced: images of one static binary each, made without a builder and without a base.

# scratch_image NAME BINARY PATH: an image that holds one static binary and runs it.
scratch_image() {
  local name=$1 binary=$2 path=$3 root
  root=$(mktemp -d)
  install -D "$binary" "$root/$path"
  mkdir -p "$root/tmp" "$root/etc"
  chmod 1777 "$root/tmp"
  printf 'root:x:0:0:root:/:/\nnobody:x:65534:65534:nobody:/:/\n' >"$root/etc/passwd"
  tar -C "$root" --owner=0 --group=0 -c . | docker import --change "ENTRYPOINT [\"/$path\"]" - "$name" >/dev/null
  rm -rf "$root"
}

# build_program FOLDER OUT: a small program of the test bed's own, standard library only. It is built in a module of its
# own, so that the state of the checkout's go.mod does not matter to it.
build_program() {
  local module
  module=$(mktemp -d)
  cp "$1"/*.go "$module/"
  rm -f "$module"/*_test.go
  (
    cd "$module" || exit 1
    go mod init testbed.local/program 2>/dev/null || exit 1
    GOFLAGS='' GOWORK=off CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '-s -w' -o "$2" . || exit 1
  )
  rm -rf "$module"
}

# foreign_image NAME: the service of hack/foreign, which knows nothing of the toolkit.
foreign_image() { task "image" "$1 of hack/foreign" make_foreign_image "$1"; }
make_foreign_image() {
  CGO_ENABLED=0 go build -C "$REPO_ROOT/hack/foreign" -trimpath -ldflags '-s -w' -o "$REPO_ROOT/bin/foreign" . || return
  scratch_image "$1" "$REPO_ROOT/bin/foreign" foreign
}

# waits_image NAME: the service of hack/grpc/waits, whose calls wait.
waits_image() { task "image" "$1 of hack/grpc/waits" make_waits_image "$1"; }
make_waits_image() {
  CGO_ENABLED=0 go build -C "$REPO_ROOT/hack/grpc" -trimpath -ldflags '-s -w' -o "$REPO_ROOT/bin/waits" ./waits || return
  scratch_image "$1" "$REPO_ROOT/bin/waits" waits
}

# podinfo_image NAME: podinfo, unmodified.
podinfo_image() {
  "$CLUSTER_DIR/components.sh" podinfo
  task "image" "$1 of podinfo $PODINFO_VERSION" scratch_image "$1" "$(component podinfo)/podinfo" podinfo
}
