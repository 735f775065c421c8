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

# build_program FOLDER OUT: a small program of the test bed's own, standard library only. It is built by file, outside
# any module: the state of the checkout's go.mod does not matter to it.
build_program() {
  (
    cd "$1" || exit
    local files=(*.go) file sources=()
    for file in "${files[@]}"; do
      [[ $file == *_test.go ]] || sources+=("$file")
    done
    GO111MODULE=off CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o "$2" "${sources[@]}"
  )
}
