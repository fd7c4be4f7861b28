#!/usr/bin/env bash
# One event to 10,000 open streams, beside plain send() calls of as many bytes to as many connections
# of one thread; what a waiting stream costs; and what other requests notice.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)" # the build folder: the script is copied there
source_dir="${BITVAULT_SOURCE_DIR:-$here/../..}"
streams=10000 rounds=15 repeats=3
for option in "$@"; do
  case "$option" in --smoke | --benchmark_min_time=0.001) streams=200 rounds=2 repeats=1 ;; esac
done
room=$(($(ulimit -Hn) / 2 - 200)) # the plain sender has both ends
((streams <= room)) || streams=$room
folder=$(mktemp -d)
server=''
cleanup() {
  [[ -z $server ]] || kill "$server" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$folder"
}
trap cleanup EXIT

mkfifo "$folder/log"
row() { printf '%-46s %10s %10s %7s  %s\n' "$@"; }
median() { printf '%s\n' "$@" | sort -n | sed -n "$((($# + 1) / 2))p"; }
tr -d '\n' <"$source_dir/bench/event.json" >"$folder/event.json"

ours=() limits=() each=() quiet=() busy=()
for ((repeat = 1; repeat <= repeats; repeat++)); do
  "$here/bitvault-events" serve --data "$folder/data-$repeat" --listen 127.0.0.1:0 2>"$folder/log" &
  server=$!
  while read -r line; do
    case "$line" in *"listening on "*) url=${line##*listening on } && break ;; esac
  done <"$folder/log"
  cat "$folder/log" >/dev/null &
  key=$(cat "$folder/data-$repeat/operator.key")
  for tenant in bench other; do
    BITVAULT_URL="$url" BITVAULT_KEY="$key" "$here/bitvault-events" tenants put "$tenant" >/dev/null
  done
  read -r memory time p50 p99 p50_busy p99_busy < <(
    "$here/stream_fan_out" served "${url##*:}" bench "$key" "$streams" "$server" "$rounds" <"$folder/event.json"
  )
  kill "$server"
  wait "$server" || true
  server=''
  each+=("$memory") ours+=("$time") quiet+=("$p50 $p99") busy+=("$p50_busy $p99_busy")
  limits+=("$("$here/stream_fan_out" plain "$streams" 1050 "$rounds")")
done

row "($repeats repeats of $rounds events, $streams streams)" ours limit ratio 'at most'
a=$(median "${ours[@]}") b=$(median "${limits[@]}")
row 'an event to all, us from the publish on' "$a" "$b" "$(awk -v a="$a" -v b="$b" 'BEGIN { printf "%.2f", a / b }')" '1.50 of plain sends'
row 'own memory of a waiting stream, bytes' "$(median "${each[@]}")" 4096 "$(awk -v a="$(median "${each[@]}")" 'BEGIN { printf "%.2f", a / 4096 }')" '1.00 of 4 KiB'
printf 'p50 and p99 in us of other requests: without events %s, with events to all %s\n' \
  "${quiet[-1]}" "${busy[-1]}"
