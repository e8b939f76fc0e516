#!/bin/sh
# What the official image's entry point does with the variables that deploy/compose.yaml gives it, and no more.
set -eu
bin=$(echo /usr/lib/postgresql/*/bin)
if [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA" /var/run/postgresql
  chown postgres "$PGDATA" /var/run/postgresql
  chmod 700 "$PGDATA"
  exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  "$bin/initdb" --username="$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" --auth=scram-sha-256 --encoding=UTF8
  echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
  "$bin/pg_ctl" -w -o "-c listen_addresses=''" start
  PGPASSWORD=$(cat "$POSTGRES_PASSWORD_FILE") "$bin/createdb" --username="$POSTGRES_USER" --host=/var/run/postgresql "$POSTGRES_DB"
  "$bin/pg_ctl" -w -m fast stop
fi
[ $# -gt 0 ] && [ "$1" = postgres ] && shift
exec "$bin/postgres" -c listen_addresses='*' "$@"
