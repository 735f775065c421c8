# shellcheck shell=bash
# Sourced by every script of the test bed: where things are kept and how they speak.
set -euo pipefail
shopt -s inherit_errexit

CLUSTER_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck disable=SC2034  # read by the scripts that source this file
REPO_ROOT=$(cd "$CLUSTER_DIR/../.." && pwd)
export HOME=${HOME:-/root}
set -a
# shellcheck source=versions.env
source "$CLUSTER_DIR/versions.env"
# make test-matrix asks for the API servers of other versions.
KUBERNETES_VERSION=${TESTBED_KUBERNETES:-$KUBERNETES_VERSION}
set +a

# Everything that is slow to make lives here, outside the checkout, keyed by version.
export TESTBED_CACHE=${TESTBED_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/goservice-testbed}
COMPONENTS_BIN=$TESTBED_CACHE/bin

# step NAME TEXT [SECONDS]: one line of progress. Progress goes to stderr, so that stdout stays for answers.
step() {
  if [ $# -gt 2 ]; then
    printf '▸ %-18s %-50s %4d s\n' "$1" "$2" "$3" >&2
  else
    printf '▸ %-18s %s\n' "$1" "$2" >&2
  fi
}
die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}
# result NAME FILE KEY…: a RESULT line with each key's sum over the key=value pairs of a file.
result() {
  local name=$1 file=$2
  shift 2
  awk -v name="$name" -v keys="$*" '
    {for (i = 1; i <= NF; i++) {split($i, pair, "="); sum[pair[1]] += pair[2]}}
    END {n = split(keys, key, " "); printf "RESULT %s", name; for (i = 1; i <= n; i++) printf " %s=%d", key[i], sum[key[i]]; print ""}' "$file"
}
have() { command -v "$1" >/dev/null 2>&1; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }

# component NAME: the folder that holds its binaries, as components.sh built them.
component() {
  local version=${1^^}_VERSION
  version=${version//-/_}
  printf '%s/%s-%s\n' "$COMPONENTS_BIN" "$1" "${!version}"
}

# task NAME TEXT COMMAND…: runs a command quietly, shows that it lives, and ends with one line that says how long it took.
# A failure shows the end of its log. Never call it where its result is a condition (if, &&, ||): there bash lets a
# function go on after a failed command. The command is a process group of its own, so that Ctrl-C ends all of it.
task() {
  local name=$1 text=$2 started=$SECONDS log pid state=0 seen=0 now
  shift 2
  mkdir -p "$TESTBED_CACHE/logs"
  log=$(mktemp "$TESTBED_CACHE/logs/${name//[^a-z0-9-]/_}-XXXXXX.log")
  set -m
  "$@" >"$log" 2>&1 </dev/null &
  pid=$!
  set +m
  # shellcheck disable=SC2064  # the pid of now is meant
  trap "kill -- -$pid 2>/dev/null; exit 130" INT TERM
  while kill -0 "$pid" 2>/dev/null; do
    sleep 0.2
    now=$((SECONDS - started))
    if [ "$now" -gt "$seen" ]; then
      seen=$now
      if [ -t 2 ]; then
        printf '\r▸ %-18s %-50s %4d s' "$name" "$text" "$now" >&2
      elif [ $((now % 60)) = 0 ]; then
        step "$name" "$text: still at it after $((now / 60)) min"
      fi
    fi
  done
  wait "$pid" || state=$?
  trap - INT TERM
  if [ -t 2 ]; then printf '\r' >&2; fi
  if [ "$state" != 0 ]; then
    printf '\n' >&2
    tail -n 40 "$log" >&2
    die "$name: $text failed; the whole log: $log"
  fi
  rm -f "$log"
  step "$name" "$text" $((SECONDS - started))
}

# lock NAME: waits until no other process holds the lock; it is held until this process ends.
# A process that outlives the script must be started with 9>&-.
lock() {
  mkdir -p "$TESTBED_CACHE/locks"
  exec 9>"$TESTBED_CACHE/locks/$1"
  if ! flock -n 9; then
    step "wait" "another process works on $1"
    flock 9
  fi
}

# need_packages WHY PACKAGE…: installs Debian packages that are missing.
need_packages() {
  local why=$1 package missing=()
  shift
  for package in "$@"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  have apt-get || die "$why needs ${missing[*]}; only Debian's packages are known here, install them by your system's means"
  [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null ||
    die "$why needs the packages ${missing[*]}: sudo apt-get install ${missing[*]}"
  task "packages" "${missing[*]}" install_packages "${missing[@]}"
}
install_packages() {
  local apt=(env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 apt-get -q -y)
  # One apt-get at a time: wait for a lock that another one holds.
  apt+=(-o DPkg::Lock::Timeout=300 --no-install-recommends)
  as_root "${apt[@]}" install "$@" || { as_root "${apt[@]}" update && as_root "${apt[@]}" install "$@"; }
}

# need_browser WHY: Debian's Chromium, unless there is one.
need_browser() { have chromium || have chromium-browser || have google-chrome || need_packages "$1" chromium; }

# go.mod files of this project's code: not of the one that pins the tools, and of hack/rivals only with RIVALS=true, since
# what it brings takes minutes to load and compile.
code_modules() {
  local module
  for module in $(git ls-files 'go.mod' '*/go.mod'); do
    case $module in
    hack/tools/go.mod) ;;
    hack/rivals/go.mod) if [ "${RIVALS:-}" = true ]; then echo "$module"; fi ;;
    *) echo "$module" ;;
    esac
  done
}
