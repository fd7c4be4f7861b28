#!/usr/bin/env bash
# Pages of the change feed beside the same bytes as static files of nginx, with sendfile off and as
# many workers as the server has threads, in one run on one machine:
#   distinct pages   a journal of 2 GB in pages of 500 events, each page read once a round
#   the hot page     its newest page, and its newest 100 events, read by everybody
# Journal and files are in the page cache: all pages were read once while the files were made, and
# the server has nothing else to do.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)" # the build folder: the script is copied there
source_dir="${BITVAULT_SOURCE_DIR:-$here/../..}"
megabytes=2048 rounds=3 hot=20000 calm=5
for option in "$@"; do
  case "$option" in --smoke | --benchmark_min_time=0.001) megabytes=4 rounds=1 hot=20 calm=0 ;; esac
done
connections=16 threads=$(nproc)
folder=$(mktemp -d)
server='' nginx=''
cleanup() {
  [[ -z $server ]] || kill "$server" 2>/dev/null || true
  [[ -z $nginx ]] || kill "$nginx" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$folder"
}
trap cleanup EXIT
median() { printf '%s\n' "$@" | sort -n | sed -n "$((($# + 1) / 2))p"; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", (b > 0 ? a / b : 0) }'; }
row() { printf '%-46s %10s %10s %7s  %s\n' "$@"; }

# ---- the server and its journal
mkfifo "$folder/log"
"$here/bitvault-events" serve --data "$folder/data" --listen 127.0.0.1:0 --threads "$threads" \
  2>"$folder/log" &
server=$!
while read -r line; do
  case "$line" in *"listening on "*) url=${line##*listening on } && break ;; esac
done <"$folder/log"
cat "$folder/log" >/dev/null &
port=${url##*:} key=$(cat "$folder/data/operator.key")
BITVAULT_URL="$url" BITVAULT_KEY="$key" "$here/bitvault-events" tenants put bench >/dev/null
event=$(tr -d '\n' <"$source_dir/bench/event.json")
# publish EVENTS TIMES
publish() {
  {
    printf '[%s' "$event"
    for ((i = 1; i < $1; i++)); do printf ',%s' "$event"; done
    printf ']'
  } >"$folder/batch.json"
  "$here/page_client" fill "$port" bench "$key" "$folder/batch.json" "$2" 4
}
publish 1000 1
bytes=$(BITVAULT_URL="$url" BITVAULT_KEY="$key" BITVAULT_TENANT=bench \
  "$here/bitvault-events" tail --no-follow --from earliest --limit 1 --json | tr -d '\n' | wc -c)
publish 1000 $((megabytes * 1000 / bytes))

# ---- its pages, and the same bytes as files
# walk NAME LIMIT: from $cursor on, which it sets to the end
cursor=''
walk() {
  mkdir -p "$folder/files/$1"
  cursor=$("$here/page_client" walk "$port" "$key" "/v1/tenants/bench/events?limit=$2" "$cursor" \
    "$folder/files/$1")
}
walk distinct 500
sed -i '$d' "$folder"/files/distinct.* # the last page changes with what is published below

# ---- nginx, which logs nothing, as the server does
start_nginx() {
  local tries=5
  while ((tries-- > 0)); do
    files_port=$((20000 + RANDOM % 10000))
    cat >"$folder/nginx.conf" <<CONF
daemon off;
user $(id -un) $(id -gn);
worker_processes $threads;
pid $folder/nginx.pid;
error_log $folder/nginx.error;
events { worker_connections 1024; }
http {
  access_log off;
  sendfile off;
  tcp_nodelay on;
  keepalive_requests 1000000000;
  default_type application/json;
  client_body_temp_path $folder/nginx.body;
  proxy_temp_path $folder/nginx.proxy;
  fastcgi_temp_path $folder/nginx.fastcgi;
  uwsgi_temp_path $folder/nginx.uwsgi;
  scgi_temp_path $folder/nginx.scgi;
  server { listen 127.0.0.1:$files_port; root $folder/files; }
}
CONF
    PATH="$PATH:/usr/sbin" nginx -p "$folder" -e "$folder/nginx.error" -c "$folder/nginx.conf" &
    nginx=$!
    until [[ -s $folder/nginx.pid ]]; do
      if ! kill -0 "$nginx" 2>/dev/null; then
        nginx=''
        continue 2
      fi
      sleep 0.05
    done
    return 0
  done
  echo "page_bench: nginx does not start" >&2
  cat "$folder/nginx.error" >&2
  return 1
}
start_nginx

# Processor time of processes and their children, in ticks.
ticks() {
  local pid sum=0 stat
  for pid in "$1" $(cat "/proc/$1/task/$1/children"); do
    stat=$(<"/proc/$pid/stat")
    read -ra stat <<<"${stat##*) }"
    sum=$((sum + stat[11] + stat[12]))
  done
  echo "$sum"
}
# fetch PID PORT LIST REPEATS: sets rate (pages a second), cost (us of processor time a page) and sum (bytes)
fetch() {
  local before requests total time
  before=$(ticks "$1")
  read -r requests total time < <(
    "$here/page_client" fetch "$2" "$key" "$3" "$4" "$connections"
  )
  rate=$(awk -v n="$requests" -v t="$time" 'BEGIN { printf "%.0f", n / t * 1e6 }')
  cost=$(awk -v n="$requests" -v t="$(($(ticks "$1") - before))" -v hz="$(getconf CLK_TCK)" \
    'BEGIN { printf "%.0f", t / hz / n * 1e6 }')
  sum=$total
}

# compare NAME REPEATS AIM LABEL: the targets of NAME.ours beside the files of NAME.files, in turn
compare() {
  local ours=() files=() our_cost=() files_cost=() round files_sum a b
  for ((round = 1; round <= rounds; round++)); do
    fetch "$nginx" "$files_port" "$folder/files/$1.files" "$2"
    files+=("$rate") files_cost+=("$cost") files_sum=$sum
    fetch "$server" "$port" "$folder/files/$1.ours" "$2"
    ours+=("$rate") our_cost+=("$cost")
    [[ $sum == "$files_sum" ]] || { echo "page_bench: other bytes than nginx" >&2 && exit 1; }
  done
  a=$(median "${ours[@]}") b=$(median "${files[@]}")
  row "$4, pages/s" "$a" "$b" "$(ratio "$a" "$b")" "$3"
  a=$(median "${our_cost[@]}") b=$(median "${files_cost[@]}")
  row "  the server's processor time each, us" "$a" "$b" "$(ratio "$a" "$b")" \
    "(pages of $((sum / $2 / $(wc -l <"$folder/files/$1.ours") / 1000)) kB)"
}

# The server has work left from the filling: summaries of blocks, the copying of the WAL.
before=-1
until [[ $(ticks "$server") == "$before" ]]; do
  before=$(ticks "$server")
  sleep "$calm"
done
pages=$(wc -l <"$folder/files/distinct.ours")
row "($rounds rounds, events of $bytes bytes)" ours nginx ratio 'at least'
compare distinct 1 '0.40 of nginx' "$pages distinct pages of 500"
publish 500 1
walk hot500 500
compare hot500 "$hot" '0.80 of nginx' 'the hot page of 500'
publish 100 1
walk hot100 100
compare hot100 $((hot * 2)) '0.80 of nginx' 'the hot page of 100'
