#!/usr/bin/env bash
# Makes everything that a release hands out, into dist/VERSION. Needs no network and no container engine. The same commit, version, and Go make the
# same bits, whoever runs it and where. Nothing is signed: the workflow that publishes does that.
#
#   VERSION=v0.2.0 hack/artifacts.sh
#   hack/artifacts.sh compare      makes the commit's release twice, in clones, the second time with another home, umask, and time zone, an empty
#                                  build cache, and no module proxy; compares all files, and checks what is in them
#
# PART=linux-amd64 makes only the plugin of this platform, its krew manifest, the chart, install.yaml, the notes, and the checksums of these. Compared,
# only the plugin is compiled with an empty build cache, not the tools. KEEP=FOLDER copies what was compared there.
#
# Reads VERSION, IMG and WORKLOAD_IMG (references in install.yaml and chart), SOURCE (https address of the repository), SOURCE_DATE_EPOCH (default: the
# time of the commit).
# shellcheck source=cluster/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/cluster/lib.sh"
cd "$REPO_ROOT" || exit

export PART=${PART:-}
compare() {
  local work home caches first second version=v0.99.0-rc.1
  work=$(mktemp -d)
  # shellcheck disable=SC2064  # the folder of now is meant
  trap "rm -rf '$work'" EXIT
  first=$work/first second=$work/a/second home=$work/home caches=(GOMODCACHE="$(go env GOMODCACHE)" TESTBED_CACHE="$TESTBED_CACHE")
  if [ -n "$PART" ]; then caches+=(GOCACHE="$(go env GOCACHE)" PROGRAMS_CACHE="$work/cache"); else caches+=(GOCACHE="$work/cache"); fi
  mkdir -p "$home" "$work/a"
  git clone -q "$REPO_ROOT" "$first"
  git clone -q "$REPO_ROOT" "$second"
  VERSION=$version "$first/hack/artifacts.sh"
  if [ -n "${KEEP:-}" ]; then cp -r "$first/dist/$version/." "$KEEP"; fi
  (umask 077 && env "${caches[@]}" HOME="$home" TZ=Asia/Tokyo LC_ALL=C GOPROXY=off GOFLAGS=-modcacherw GOAMD64=v3 VERSION=$version "$second/hack/artifacts.sh")
  diff -r "$first/dist" "$second/dist" || die "two releases of the same commit differ in the files above"
  if [ -n "$PART" ]; then
    step release "two times the same bits: $(find "$first/dist/$version" -type f | wc -l) files"
    return
  fi
  task release "what is in the files" env RELEASE_BUILT="$first/bin/release" go -C hack/artifacts test -count=1 .
  step release "two releases of the same commit are the same bits"
}
if [ "${1:-}" = compare ]; then
  compare
  exit
fi

VERSION=${VERSION:-$(hack/version.sh)}
SOURCE=${SOURCE:-https://goservice.dev/operator}
IMG=${IMG:-goservice.dev/manager:$VERSION}
WORKLOAD_IMG=${WORKLOAD_IMG:-goservice.dev/workload:$VERSION}
export VERSION IMG WORKLOAD_IMG WORKLOAD_TAGS=grpcnotrace
commit=$(git rev-parse HEAD) || die "make release names the commit of the sources: run it in a git checkout"
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
# Only dev-…, which is a hash over the sources, may be made of what is not committed.
case "$VERSION" in
dev-*) ;;
*) [ -z "$(git status --porcelain)" ] || die "VERSION $VERSION: the checkout has changes that are not committed, so the commit would not be the release's sources" ;;
esac
built=bin/release
out=dist/$VERSION

# artifacts FLAG…: the program that makes the files. The environment's Go settings must not lead it elsewhere.
artifacts() {
  env GOFLAGS=-buildvcs=false GOWORK= go -C hack/artifacts run . -version "$VERSION" -commit "$commit" -source "$SOURCE" \
    -epoch "$SOURCE_DATE_EPOCH" -root "$REPO_ROOT" -built "$REPO_ROOT/$built" -out "$REPO_ROOT/$out" -part "$PART" \
    -image "$IMG" -workload-image "$WORKLOAD_IMG" "$@"
}
artifacts -check # before anything is compiled

rm -rf "$built" "$out"
mkdir -p "$built" "$out"
platforms=({linux,darwin,windows}-{amd64,arm64})
if [ -n "$PART" ]; then
  platforms=("$PART")
else
  for architecture in amd64 arm64; do
    task binaries "linux/$architecture, $VERSION" env OUT="$built/linux-$architecture" GOOS=linux GOARCH="$architecture" hack/binaries.sh manager workload
  done
fi
for platform in "${platforms[@]}"; do
  task binaries "kubectl-gosvc, $platform, $VERSION" env GOCACHE="${PROGRAMS_CACHE:-$(go env GOCACHE)}" OUT="$built/$platform" \
    GOOS="${platform%-*}" GOARCH="${platform#*-}" hack/binaries.sh kubectl-gosvc
done
COMPONENTS='' hack/deploy.sh render >"$out/install.yaml"
if [ -z "$PART" ]; then
  env GOFLAGS= GOWORK= go -C hack/bundle run . -version "$VERSION" -source "$SOURCE" -epoch "$SOURCE_DATE_EPOCH" -installer "$REPO_ROOT/$out/install.yaml" \
    -out "$REPO_ROOT/$built/bundle"
fi
task release "$out" artifacts
(cd "$out" && sha256sum --quiet --check SHA256SUMS)
step release "$out: $(find "$out" -type f | wc -l) files, $(du -sh "$out" | cut -f1), not signed"
