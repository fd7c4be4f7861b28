#!/usr/bin/env bash
# Deliveries of webhooks, over real sockets, in one run on one machine:
#   throughput   publish in batches of 100 until all is delivered, against libcurl and HMAC alone
#                posting the same bodies to the same receiver; what a delivery costs
#   latency      from before an event's publish to its receipt, at 1,000 events/s
#   isolation    the same at 200 events/s, beside a receiver that sleeps and one that refuses
#   idle         what 20,000 webhooks of 10,000 tenants take of memory
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)" # the build folder: the script is copied there
source_dir="${BITVAULT_SOURCE_DIR:-$here/../..}"
rounds=3 events=40000 rate=1000 slow_rate=200 seconds=10 tenants=10000
for option in "$@"; do
  case "$option" in
    --smoke | --benchmark_min_time=0.001)
      rounds=1 events=200 rate=50 slow_rate=20 seconds=1 tenants=20 ;;
  esac
done
folder=$(mktemp -d)
server=''
cleanup() {
  [[ -z $server ]] || kill "$server" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$folder"
}
trap cleanup EXIT
median() { printf '%s\n' "$@" | sort -n | sed -n "$((($# + 1) / 2))p"; }
calc() { awk "BEGIN { printf \"%.2f\", $1 }"; }
row() { printf '%-46s %10s %10s %7s  %s\n' "$@"; }

# start_server DATA: sets server, url, key
start_server() {
  rm -f "$folder/log"
  mkfifo "$folder/log"
  "$here/bitvault-events" serve --data "$1" --listen 127.0.0.1:0 --allow-private-targets \
    2>"$folder/log" &
  server=$!
  while read -r line; do
    case "$line" in *"listening on "*) url=${line##*listening on } && break ;; esac
  done <"$folder/log"
  cat "$folder/log" >/dev/null &
  key=$(cat "$1/operator.key")
}
stop_server() {
  kill "$server"
  wait "$server" || true
  server=''
}
load() { "$here/delivery_load" "$@"; }
event=$source_dir/bench/event.json

row "($rounds rounds of $events events)" ours limit ratio aim
ours=() bare=() cpu=()
for ((round = 1; round <= rounds; round++)); do
  start_server "$folder/throughput-$round"
  read -r a b c < <(load throughput "$url" "$key" "$event" "$server" "$events")
  ours+=("$a") bare+=("$b") cpu+=("$c")
  stop_server
done
start_server "$folder/published"
load publish "$url" "$key" "$event" "$events"
stop_server
disk_bytes() { du -sb "$1" | cut -f1; }
disk=$(calc "($(disk_bytes "$folder/throughput-1") - $(disk_bytes "$folder/published")) / $events")
a=$(median "${ours[@]}") b=$(median "${bare[@]}")
row 'publish to delivered, batches of 100, events/s' "$a" "$b" "$(calc "$a / $b")" \
  'at least 0.50 of bare libcurl + HMAC'
printf 'a delivery adds %s us of processor time and %s bytes on disk\n' \
  "$(median "${cpu[@]}")" "$disk"

start_server "$folder/latency"
read -r p50 p99 < <(load latency "$url" "$key" "$event" "$rate" "$seconds")
row "publish to receipt at $rate events/s, p50, us" "$p50" 5000 "$(calc "$p50 / 5000")" 'below 1'
row "publish to receipt at $rate events/s, p99, us" "$p99" 25000 "$(calc "$p99 / 25000")" 'below 1'
read -r alone beside < <(load isolation "$url" "$key" "$event" "$slow_rate" "$seconds")
limit=$(calc "(1.5 * $alone > 5000) ? 1.5 * $alone : 5000")
row 'p99 beside dead receivers, us' "$beside" "$limit" "$(calc "$beside / $limit")" \
  "at most 1 (alone: $alone us)"
stop_server

# resident WEBHOOKS: starts the server anew and prints its kB once it has counted so many webhooks
resident() {
  start_server "$folder/idle"
  local counted='' tries=300
  until [[ $counted == *"subscriptions{state=\"enabled\"} $1"$'\n'* ]]; do
    ((tries-- > 0)) || { echo "delivery_bench: $1 webhooks were not counted" >&2 && exit 1; }
    sleep 0.2
    counted=$(curl -sf --max-time 5 -H "authorization: Bearer $key" "$url/metrics") || true
  done
  awk '/^VmRSS/ { print $2 }' "/proc/$server/status" >"$folder/resident"
  stop_server
}
start_server "$folder/idle"
load tenants "$url" "$key" "$tenants"
stop_server
resident 0
without=$(cat "$folder/resident")
start_server "$folder/idle"
load webhooks "$url" "$key" "$tenants" 2
stop_server
resident $((2 * tenants))
with=$(cat "$folder/resident")
each=$(calc "($with - $without) * 1024 / (2 * $tenants)")
row "bytes of memory an idle webhook, of $((2 * tenants))" "$each" 4096 "$(calc "$each / 4096")" \
  'at most 1'
