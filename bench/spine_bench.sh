#!/usr/bin/env bash
# Durable publishing beside its limits, in one run on one machine:
#   batches of 100 events     against SQLite alone, committing the same rows in the same batches
#   64 single-event requests  against Boost.Beast alone, echoing the same body
# Each pair is measured in turn, ROUNDS times; the table shows the medians and their ratio.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)" # the build folder: the script is copied there
source_dir="${BITVAULT_SOURCE_DIR:-$here/../..}"
rounds=3 seconds=4
for option in "$@"; do
  case "$option" in --smoke | --benchmark_min_time=0.001) rounds=1 seconds=1 ;; esac
done
threads=$(nproc)
folder=$(mktemp -d)
server='' echo_server=''
cleanup() {
  [[ -z $server ]] || kill "$server" 2>/dev/null || true
  [[ -z $echo_server ]] || kill "$echo_server" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$folder"
}
trap cleanup EXIT

# ---- the server, the echo server, the bodies
mkfifo "$folder/log"
"$here/bitvault-events" serve --data "$folder/data" --listen 127.0.0.1:0 2>"$folder/log" &
server=$!
while read -r line; do
  case "$line" in *"listening on "*) url=${line##*listening on } && break ;; esac
done <"$folder/log"
cat "$folder/log" >/dev/null &
"$here/http_echo" "$threads" >"$folder/echo.port" &
echo_server=$!
until [[ -s $folder/echo.port ]]; do kill -0 "$echo_server"; done
echo_url="http://127.0.0.1:$(cat "$folder/echo.port")"
export KEY BODY_FILE CONTENT_TYPE
KEY=$(cat "$folder/data/operator.key")
BITVAULT_URL="$url" BITVAULT_KEY="$KEY" "$here/bitvault-events" tenants put bench >/dev/null

event=$(tr -d '\n' <"$source_dir/bench/event.json")
printf '%s' "$event" >"$folder/one.json"
{
  printf '['
  for ((i = 1; i < 100; i++)); do printf '%s,' "$event"; done
  printf '%s]' "$event"
} >"$folder/hundred.json"

# wrk_run CONNECTIONS URL: sets rate, p50, p99
wrk_run() {
  local out
  out=$(wrk -t1 -c"$1" -d"${seconds}s" -s "$source_dir/bench/post.lua" "$2" | grep '^RESULT')
  read -r _ rate errors p50 p99 <<<"$out"
  [[ $errors == 0 ]] || { echo "spine_bench: $errors requests failed" >&2 && exit 1; }
}
median() { printf '%s\n' "$@" | sort -n | sed -n "$((($# + 1) / 2))p"; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'; }

publish="$url/v1/tenants/bench/events"
ours_batch=() bare_batch=() ours_single=() bare_single=()
for ((round = 1; round <= rounds; round++)); do
  BODY_FILE=$folder/hundred.json CONTENT_TYPE=application/cloudevents-batch+json
  wrk_run 8 "$publish"
  ours_batch+=("$((rate * 100))")
  latency_batch="$p50 $p99"
  bytes=$(BITVAULT_URL="$url" BITVAULT_KEY="$KEY" BITVAULT_TENANT=bench \
    "$here/bitvault-events" tail --no-follow --from earliest --limit 1 --json | tr -d '\n' | wc -c)
  bare_batch+=("$("$here/sqlite_limit" "$folder/bare-$round" "$seconds" 100 "$bytes")")
  rm -rf "$folder/bare-$round"
  BODY_FILE=$folder/one.json CONTENT_TYPE=application/cloudevents+json
  wrk_run 64 "$publish"
  ours_single+=("$rate")
  latency_single="$p50 $p99"
  wrk_run 64 "$echo_url/"
  bare_single+=("$rate")
done

row() { printf '%-46s %10s %10s %7s  %s\n' "$@"; }
row "($rounds rounds of $seconds s, events of $bytes bytes)" ours limit ratio 'at least'
a=$(median "${ours_batch[@]}") b=$(median "${bare_batch[@]}")
row 'durable publish, batches of 100, events/s' "$a" "$b" "$(ratio "$a" "$b")" '0.50 of bare SQLite'
a=$(median "${ours_single[@]}") b=$(median "${bare_single[@]}")
row '64 concurrent single-event requests/s' "$a" "$b" "$(ratio "$a" "$b")" '0.40 of a Beast echo'
printf 'latency p50 and p99 in us: batches %s, single events %s\n' "$latency_batch" "$latency_single"
