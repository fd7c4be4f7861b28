#!/usr/bin/env bash
# One event to 10,000 open streams, beside plain send() calls of as many bytes to as many connections
# of one thread, and beside Nchan where Debian's module of it is installed; what a waiting stream
# costs; and what other requests notice, beside the same requests while another process sends the same
# to the same receivers by plain send() calls.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)" # the build folder: the script is copied there
source_dir="${BITVAULT_SOURCE_DIR:-$here/../..}"
streams=10000 rounds=15 repeats=3 block=1050
for option in "$@"; do
  case "$option" in --smoke | --benchmark_min_time=0.001) streams=200 rounds=2 repeats=1 ;; esac
done
room=$(($(ulimit -Hn) / 2 - 200)) # the plain sender has both ends
((streams <= room)) || streams=$room
folder=$(mktemp -d)
server='' nginx=''
cleanup() {
  [[ -z $server ]] || kill "$server" 2>/dev/null || true
  [[ -z $nginx ]] || kill "$nginx" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$folder"
}
trap cleanup EXIT

mkfifo "$folder/log"
row() { printf '%-46s %10s %10s %7s  %s\n' "$@"; }
median() { printf '%s\n' "$@" | sort -n | sed -n "$((($# + 1) / 2))p"; }
tr -d '\n' <"$source_dir/bench/event.json" >"$folder/event.json"

# serve FOLDER: starts a server and sets `server`, `port` and `key`
serve() {
  "$here/bitvault-events" serve --data "$1" --listen 127.0.0.1:0 2>"$folder/log" &
  server=$!
  while read -r line; do
    case "$line" in *"listening on "*) url=${line##*listening on } && break ;; esac
  done <"$folder/log"
  cat "$folder/log" >/dev/null &
  key=$(cat "$1/operator.key") port=${url##*:}
  for tenant in bench other; do
    BITVAULT_URL="$url" BITVAULT_KEY="$key" "$here/bitvault-events" tenants put "$tenant" >/dev/null
  done
}
stop() {
  kill "$server"
  wait "$server" || true
  server=''
}

# Nchan is no more than a comparison: without it that row is left out.
module=/usr/lib/nginx/modules/ngx_nchan_module.so
[[ -f $module ]] && PATH="$PATH:/usr/sbin" command -v nginx >/dev/null || module=''
start_nchan() {
  local tries=5
  while ((tries-- > 0)); do
    nchan_port=$((20000 + RANDOM % 10000))
    rm -f "$folder/nginx.pid"
    cat >"$folder/nginx.conf" <<CONF
load_module $module;
daemon off;
user $(id -un) $(id -gn);
worker_processes $(nproc);
pid $folder/nginx.pid;
error_log $folder/nginx.error;
events { worker_connections 20000; }
http {
  access_log off;
  tcp_nodelay on;
  keepalive_requests 1000000000;
  client_body_temp_path $folder/nginx.body;
  proxy_temp_path $folder/nginx.proxy;
  fastcgi_temp_path $folder/nginx.fastcgi;
  uwsgi_temp_path $folder/nginx.uwsgi;
  scgi_temp_path $folder/nginx.scgi;
  nchan_shared_memory_size 256m;
  server {
    listen 127.0.0.1:$nchan_port reuseport;
    location = /publish { nchan_publisher; nchan_channel_id bench; }
    location = /subscribe { nchan_subscriber eventsource; nchan_channel_id bench; }
    location = /other { return 200 ok; }
  }
}
CONF
    PATH="$PATH:/usr/sbin" nginx -p "$folder" -e "$folder/nginx.error" -c "$folder/nginx.conf" \
      2>/dev/null &
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
  return 1
}

ours=() limits=() each=() nchans=()
quiet_50=() quiet_99=() busy_50=() busy_99=() beside_50=() beside_99=() nchan_50=() nchan_99=()
for ((repeat = 1; repeat <= repeats; repeat++)); do
  serve "$folder/data-$repeat"
  read -r memory time a b c d < <(
    "$here/stream_fan_out" served "$port" bench "$key" "$streams" "$server" "$rounds" <"$folder/event.json"
  )
  stop
  each+=("$memory") ours+=("$time") quiet_50+=("$a") quiet_99+=("$b") busy_50+=("$c") busy_99+=("$d")

  limits+=("$("$here/stream_fan_out" plain "$streams" "$block" "$rounds")")

  serve "$folder/beside-$repeat"
  coproc SENDER { exec "$here/stream_fan_out" sender "$streams" "$block"; }
  read -r sender <&"${SENDER[0]}"
  read -r a b < <(
    "$here/stream_fan_out" beside "$port" bench "$key" "$streams" "$sender" "$rounds" <"$folder/event.json"
  )
  wait "$SENDER_PID" || true
  stop
  beside_50+=("$a") beside_99+=("$b")

  if [[ -n $module ]] && start_nchan; then
    read -r time a b < <(
      "$here/stream_fan_out" nchan "$nchan_port" "$streams" "$rounds" <"$folder/event.json"
    )
    kill "$nginx"
    wait "$nginx" || true
    nginx=''
    nchans+=("$time") nchan_50+=("$a") nchan_99+=("$b")
  fi
done

ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", (b > 0 ? a / b : 0) }'; }
compare() { # NAME OURS LIMIT AIM
  row "$1" "$2" "$3" "$(ratio "$2" "$3")" "$4"
}
row "($repeats repeats of $rounds events, $streams streams)" ours limit ratio 'at most'
compare 'an event to all, us from the publish on' "$(median "${ours[@]}")" "$(median "${limits[@]}")" \
  '1.50 of plain sends'
if ((${#nchans[@]} > 0)); then
  compare 'the same' "$(median "${ours[@]}")" "$(median "${nchans[@]}")" 'Nchan'
fi
compare 'own memory of a waiting stream, bytes' "$(median "${each[@]}")" 4096 '1.00 of 4 KiB'
compare 'p50 of other requests meanwhile, us' "$(median "${busy_50[@]}")" "$(median "${beside_50[@]}")" \
  'plain sends by another process'
compare 'p99 of other requests meanwhile, us' "$(median "${busy_99[@]}")" "$(median "${beside_99[@]}")" \
  'plain sends by another process'
printf 'p50 and p99 in us of the same requests without events: %s and %s\n' \
  "$(median "${quiet_50[@]}")" "$(median "${quiet_99[@]}")"
if ((${#nchans[@]} > 0)); then
  printf 'p50 and p99 in us of a fixed answer of nginx while Nchan sends: %s and %s\n' \
    "$(median "${nchan_50[@]}")" "$(median "${nchan_99[@]}")"
fi
