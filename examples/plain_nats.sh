#!/usr/bin/env bash
# Fills with nothing installed at all: a shell that speaks the text protocol of NATS over a socket. So can any language.
#
# A core subscription is quick and forgets: it misses what happens while it is away. A durable JetStream consumer on the
# stream ORDERS misses nothing.
#
# bash plain_nats.sh nats://127.0.0.1:4222 alice
set -euo pipefail
export LC_ALL=C # sizes are bytes

address=${1#nats://}
exec 3<>"/dev/tcp/${address%:*}/${address##*:}"

send() { printf '%s\r\n' "$1" >&3; }

value() { # the text of a member of the event, or nothing
  [[ $body =~ \"$1\":\"([^\"]*)\" ]] && printf '%s' "${BASH_REMATCH[1]}"
}

send 'CONNECT {"verbose":false,"pedantic":false,"lang":"bash","version":"1"}'
send "SUB orders.$2.*.*.*.filled 1"
send 'PING'

seen=' ' # events may be sent twice: drop repeated ids
while IFS= read -r line <&3; do
  line=${line%$'\r'}
  case $line in
    PING) send 'PONG' ;;
    PONG) echo 'listening' ;;
    -ERR*) echo "refused: $line" >&2; exit 1 ;;
    MSG*)
      IFS= read -r -N "${line##* }" body <&3
      id=$(value event_id)
      if [[ $seen != *" $id "* ]]; then
        seen="$seen$id "
        echo "$(value kind) $(value side) $(value cumulative_quantity) $(value pair)"
      fi
      ;;
  esac
done
