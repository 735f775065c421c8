# shellcheck shell=bash
# Sourced: the image of PostgreSQL, which the samples of the reference service use.

# postgres_image NAME: PostgreSQL of Debian's packages, which takes the same variables as the image that everybody knows.
postgres_image() {
  if docker image inspect "$1" >/dev/null 2>&1; then return; fi
  need_packages "the image of PostgreSQL" postgresql
  task "image" "$1 of Debian's PostgreSQL" make_postgres_image "$1"
}
make_postgres_image() {
  local root programs libraries
  root=$(mktemp -d)
  programs=$(find /usr/lib/postgresql -maxdepth 2 -name bin | sort -V | tail -n 1)
  # Everything by its real path, with the links that lead there.
  libraries=$(for file in "$programs"/{postgres,initdb,psql} /bin/dash "${programs%/bin}"/lib/*.so; do
    case "$file" in */llvmjit.so) ;; *) ldd "$file" 2>/dev/null || true ;; esac
  done | grep -o '/[^ ]*' | sort -u)
  # shellcheck disable=SC2046,SC2086  # several names; none has a space
  tar -C / --exclude='bitcode' --exclude='llvmjit*' --exclude='pgxs' -c bin lib lib64 usr/bin/dash usr/bin/sh usr/share/zoneinfo/Etc \
    "${programs:1}"/{postgres,initdb,psql} "${programs:1:-4}/lib" usr/share/postgresql usr/lib/locale/C.utf8 \
    $(for library in $libraries; do
      echo "$(readlink -f "${library%/*}")/${library##*/}"
      readlink -f "$library"
    done | cut -c2- | sort -u) | tar -C "$root" -x
  mkdir -p "$root/tmp" "$root/etc" "$root/var/lib/postgresql/data" "$root/var/run/postgresql"
  chmod 1777 "$root/tmp" "$root/var/lib/postgresql/data" "$root/var/run/postgresql"
  printf 'root:x:0:0:root:/:/bin/sh\npostgres:x:999:999:postgres:/tmp:/bin/sh\n' >"$root/etc/passwd"
  cat >"$root/entrypoint" <<'INSIDE'
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  umask 077
  echo "$POSTGRES_PASSWORD" >/tmp/password
  initdb --pgdata="$PGDATA" --username="$POSTGRES_USER" --pwfile=/tmp/password --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8
  echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
  echo "CREATE DATABASE \"$POSTGRES_DB\"" | postgres --single -D "$PGDATA" postgres
fi
exec postgres -D "$PGDATA" -c "listen_addresses=*"
INSIDE
  tar -C "$root" --owner=0 --group=0 -c . | docker import --change "ENV PATH=$programs:/usr/bin:/bin" \
    --change 'ENV PGDATA=/var/lib/postgresql/data/pgdata' --change 'ENTRYPOINT ["/bin/sh", "/entrypoint"]' - "$1" >/dev/null
  rm -rf "$root"
}
