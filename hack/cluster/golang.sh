# shellcheck shell=bash
# Sourced: an image in which the Dockerfile's compile stage runs where there is no registry.

# golang_image NAME: this machine's Go, as golang: has it, and a folder of the modules that the images' programs need as the only module
# proxy: nothing is downloaded in it. NAME is not that of the real one, which it would hide.
golang_image() { task "image" "$1 of this machine's $(go env GOVERSION)" make_golang_image "$1"; }
make_golang_image() {
  local root libraries cache
  root=$(mktemp -d)
  cache=$(go env GOMODCACHE)/cache/download
  # Everything by its real path, with the links that lead there.
  libraries=$(for file in /bin/dash /bin/mkdir; do ldd "$file"; done | grep -o '/[^ ]*' | sort -u)
  # shellcheck disable=SC2046,SC2086  # several names; none has a space
  tar -C / -c bin lib lib64 usr/bin/dash usr/bin/sh usr/bin/mkdir $(for library in $libraries; do
    echo "$(readlink -f "${library%/*}")/${library##*/}"
    readlink -f "$library"
  done | cut -c2- | sort -u) | tar -C "$root" -x
  mkdir -p "$root/usr/local/go" "$root/modules" "$root/go" "$root/tmp" "$root/etc"
  chmod 1777 "$root/tmp"
  printf 'root:x:0:0:root:/root:/bin/sh\n' >"$root/etc/passwd"
  tar -C "$(go env GOROOT)" -c bin pkg/include pkg/tool src lib VERSION go.env | tar -C "$root/usr/local/go" -x
  {
    cd "$cache" && find . \( -name '*.mod' -o -name '*.info' -o -name list \) -type f -print
    needed_modules
  } | tar -C "$cache" -c -T - | tar -C "$root/modules" -x
  tar -C "$root" --owner=0 --group=0 -c . | docker import --change 'ENV PATH=/usr/local/go/bin:/usr/bin:/bin' --change 'ENV GOPATH=/go' \
    --change 'ENV GOTOOLCHAIN=local' --change 'ENV GOPROXY=file:///modules' - "$1" >/dev/null
  rm -rf "$root"
}

# needed_modules are the archives of what the images' programs, and others of their modules, are compiled of, below the folder of a module proxy.
needed_modules() {
  local module cache
  cache=$(go env GOMODCACHE)
  for module in . workload workload/examples/orders; do
    GOWORK='' GOOS=linux go -C "$REPO_ROOT/$module" list -deps -f '{{with .Module}}{{.Dir}}{{end}}' ./...
  done | sort -u | awk -v cache="$cache/" 'index($0, cache) == 1 {
    path = substr($0, length(cache) + 1); at = match(path, /@[^@]*$/)
    print "./" substr(path, 1, at - 1) "/@v/" substr(path, at + 1) ".zip"}'
}
