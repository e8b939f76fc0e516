#!/bin/sh
# As nats-server-config-reloader is started: -pid FILE -config FILE ...; SIGHUP to the broker when one of the files changes.
pid=
files=
while [ $# -gt 0 ]; do
    case "$1" in
        -pid) pid=$2 ;;
        -config) files="$files $2" ;;
    esac
    shift 2
done
# shellcheck disable=SC2086 # a list of paths without blanks
sum() { cat $files | sha256sum; }
trap 'exit 0' TERM INT
before=$(sum)
while :; do
    sleep 1 &
    wait $!
    now=$(sum)
    if [ "$now" != "$before" ]; then
        kill -HUP "$(cat "$pid")" && before=$now && echo "told the broker to read its files again"
    fi
done
