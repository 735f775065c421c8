#!/usr/bin/env bash
# Sees to it that a container engine answers, and that it can build with BuildKit.
#
#   docker.sh up       uses the Docker that answers already; where none does, installs Debian's and starts it by hand
#   docker.sh env      the same, then prints the exports that make `docker` and `docker buildx` reach that engine:
#                      eval "$(hack/cluster/docker.sh env)"
#   docker.sh status   says which engine answers
#   docker.sh stop     ends the engine that `up` started, and no other
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scratch.sh
source "$CLUSTER_DIR/scratch.sh"

ENGINE_DIR=$TESTBED_CACHE/docker
# Sockets and mounts stay out of the cache: their paths must be short, and a restart of the machine may drop them.
ENGINE_RUN=/run/goservice-testbed-$(cksum <<<"$TESTBED_CACHE" | cut -d' ' -f1)
ENGINE_SOCKET=unix://$ENGINE_RUN/docker.sock
ENGINE_PIDFILE=$ENGINE_DIR/dockerd.pid
ENGINE_CONFIG=$ENGINE_DIR/config

answers() { have docker && timeout 20 docker "$@" version --format '{{.Server.Version}}' >/dev/null 2>&1; }

# engine_pid: the process that `up` started, if it lives.
engine_pid() { living "$ENGINE_PIDFILE" "--data-root $ENGINE_DIR/data "; }

# living PIDFILE WORDS: prints the pid if that process still runs under a command line with these words. A pid that now
# belongs to somebody else is not it, nor is what is left of a process that nobody has waited for.
living() {
  local pid
  pid=$(cat "$1" 2>/dev/null) || return 1
  { tr '\0' ' ' <"/proc/$pid/cmdline"; } 2>/dev/null | grep -qF -- "$2" || return 1
  echo "$pid"
}

# engine: prints the address of the engine to use; empty for the one that the person's own settings reach.
engine() {
  if answers; then return 0; fi
  if engine_pid >/dev/null && answers -H "$ENGINE_SOCKET"; then
    echo "$ENGINE_SOCKET"
    return 0
  fi
  return 1
}

up() {
  if engine >/dev/null; then return 0; fi
  lock docker
  if engine >/dev/null; then return 0; fi
  if ! have dockerd || ! have docker; then
    need_packages "a container engine" docker.io iptables
    # Where an init system runs, the package has just started it.
    if answers; then return 0; fi
  fi
  [ "$(id -u)" = 0 ] || die "no container engine answers. Start Docker, or run this as root so that one can be started for the test bed"
  need_packages "a container engine" iptables
  local caprunc
  caprunc=$(build_caprunc)
  task "docker" "an engine of the test bed's own, by hand" start "$caprunc"
}

# Built into the cache, under a name that changes with its source.
build_caprunc() {
  local source=$CLUSTER_DIR/caprunc key out
  key=$(cat "$source/main.go" "$source/capabilities.go" | sha256sum | cut -c1-12)
  out=$COMPONENTS_BIN/caprunc-$key/caprunc
  if [ ! -x "$out" ]; then
    mkdir -p "${out%/*}"
    build_program "$source" "$out.new" >&2
    mv "$out.new" "$out"
  fi
  echo "$out"
}

start() {
  local caprunc=$1 containerd=$ENGINE_RUN/exec/containerd/containerd.pid pid i
  mkdir -p "$ENGINE_DIR" "$ENGINE_RUN"
  # What a killed engine left would be taken for a running one.
  if ! engine_pid >/dev/null; then rm -f "$ENGINE_PIDFILE" "$ENGINE_RUN/docker.sock"; fi
  if ! living "$containerd" "$ENGINE_RUN" >/dev/null; then rm -f "$containerd"; fi
  room_for_watches
  setsid dockerd --host "$ENGINE_SOCKET" --data-root "$ENGINE_DIR/data" --exec-root "$ENGINE_RUN/exec" \
    --pidfile "$ENGINE_PIDFILE" --add-runtime "caprunc=$caprunc" --default-runtime caprunc \
    --oom-score-adjust 0 >"$ENGINE_DIR/dockerd.log" 2>&1 </dev/null 9>&- &
  pid=$!
  for ((i = 0; i < 300; i++)); do
    if answers -H "$ENGINE_SOCKET"; then return 0; fi
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.2
  done
  grep -v 'module=grpc' "$ENGINE_DIR/dockerd.log" | tail -n 30
  return 1
}

# Each node of a cluster takes tens of inotify instances, and 128 is the kernel's usual limit for all.
room_for_watches() {
  local limit
  limit=$(cat /proc/sys/fs/inotify/max_user_instances)
  if [ "$limit" -lt 1024 ]; then
    echo 1024 >/proc/sys/fs/inotify/max_user_instances || true
  fi
}

stop() {
  local pid
  if ! pid=$(engine_pid); then
    rm -f "$ENGINE_PIDFILE"
    return 0
  fi
  task "docker" "the test bed's own engine ends" end "$pid"
}
end() {
  local i
  kill "$1"
  for ((i = 0; i < 600; i++)); do
    engine_pid >/dev/null || return 0
    sleep 0.1
  done
  echo "dockerd, pid $1, did not end within a minute"
  return 1
}

# buildx_config: a client without BuildKit's plugin gets it in a configuration folder of our own, beside links to
# everything that the person's own configuration holds (contexts, credentials). Prints that folder, or nothing.
buildx_config() {
  if docker buildx version >/dev/null 2>&1; then return 0; fi
  "$CLUSTER_DIR/components.sh" buildx
  local theirs=${DOCKER_CONFIG:-$HOME/.docker} entry
  mkdir -p "$ENGINE_CONFIG/cli-plugins"
  if [ "$theirs" != "$ENGINE_CONFIG" ]; then
    for entry in "$theirs"/* "$theirs"/cli-plugins/*; do
      if [ ! -e "$entry" ] || [ "${entry##*/}" = cli-plugins ]; then continue; fi
      ln -sfn "$entry" "$ENGINE_CONFIG/${entry#"$theirs/"}"
    done
  fi
  ln -sfn "$(component buildx)/buildx" "$ENGINE_CONFIG/cli-plugins/docker-buildx"
  echo "$ENGINE_CONFIG"
}

print_env() {
  local address config
  address=$(engine)
  config=$(buildx_config)
  if [ -n "$address" ]; then echo "export DOCKER_HOST=$address"; fi
  if [ -n "$config" ]; then printf 'export DOCKER_CONFIG=%q\n' "$config"; fi
}

status() {
  local address
  if ! address=$(engine); then
    echo "no container engine answers"
    return 1
  fi
  if [ -z "$address" ]; then
    echo "the Docker of this machine answers"
  else
    echo "the test bed's own engine answers at $address, pid $(engine_pid)"
  fi
}

case "${1:-}" in
up) up ;;
env)
  up
  print_env
  ;;
status) status ;;
stop) stop ;;
*) die "usage: docker.sh up|env|status|stop" ;;
esac
