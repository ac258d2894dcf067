# shellcheck shell=sh
# SPDX-License-Identifier: LGPL-3.0-or-later

case ${1-} in
-h | --help)
  cat <<'TEXT'
usage: ./dev run [--once]

Builds, starts a daemon that serves a region `demo`, and shows what can be done
with it: each command and its answer. Then it stays up until Ctrl-C, and leaves
nothing behind. It is on your session bus, or on one of its own where there is
none or where another ivshmemd has the name; and on http://127.0.0.1:8086, or on
another port where that is taken, with a link for your browser.

--once ends after the show.
TEXT
  exit
  ;;
'' | --once)
  once=${1-}
  ;;
*)
  die "no option $1; see ./dev run --help"
  ;;
esac

# A test of this command has a build of its own.
build=${IVT_BUILD_DIR:-build}
need build run
if [ -z "${IVT_BUILD_DIR-}" ]; then
  [ -e build/build.ninja ] || configure build
  compile build
fi

WAIT_SECONDS=30
work=$(mktemp -d "${TMPDIR:-/tmp}/ivshmemd-demo-XXXXXX")
socket=$work/demo.sock
token_file=$work/token
log=$work/ivshmemd.log
ctl=$build/clients/ctl/ivshmemctl
pids=

cleanup() {
  code=$?
  trap - EXIT
  # The latest first: clients, daemon, bus.
  for pid in $pids; do
    kill "$pid" 2>/dev/null || :
    wait "$pid" 2>/dev/null || :
  done
  rm -rf "$work"
  exit "$code"
}
trap cleanup EXIT
# Ctrl-C is how this ends.
trap 'exit 0' INT TERM HUP

# background LOG COMMAND...
background() {
  output=$1
  shift
  "$@" >"$output" 2>&1 </dev/null &
  last=$!
  pids="$last $pids"
}

# within WHAT COMMAND...: until the command succeeds.
within() {
  what=$1
  shift
  tries=$((WAIT_SECONDS * 20))
  until "$@" >/dev/null 2>&1; do
    tries=$((tries - 1))
    if [ $tries = 0 ] || ! kill -0 "$last" 2>/dev/null; then
      cat "$work"/*.log >&2
      die "$what did not come about"
    fi
    sleep 0.05
  done
}

bus_call() {
  method=org.freedesktop.DBus.$1
  shift
  gdbus call --session --timeout 5 --dest org.freedesktop.DBus --object-path / --method "$method" "$@"
}

private_bus() {
  background "$work/bus.log" dbus-daemon --session --nofork --nopidfile --address="unix:path=$work/bus"
  DBUS_SESSION_BUS_ADDRESS=unix:path=$work/bus
  export DBUS_SESSION_BUS_ADDRESS
  within 'a message bus' bus_call GetId
}

HTTP_PORT=8086

# The port that people find in the documents, unless somebody has it.
choose_port() {
  if python3 -c "import socket; socket.create_server(('127.0.0.1', $HTTP_PORT)).close()" 2>/dev/null; then
    echo $HTTP_PORT
  else
    echo 0
  fi
}

# The secret for programs, in a file for nobody else, and its line for the daemon.
make_token() {
  (
    umask 077
    "$ctl" --quiet token new demo admin >"$work/made"
    sed -n 1p "$work/made" >"$token_file"
    sed -n 2p "$work/made" >"$work/tokens"
    rm "$work/made"
  )
}

has_http() {
  grep -q 'IVD_WITH_HTTP 1' "$build/config.h"
}

start_daemon() {
  if [ -z "${XDG_RUNTIME_DIR-}" ]; then
    XDG_RUNTIME_DIR=$work
    export XDG_RUNTIME_DIR
  fi
  mkdir "$work/plugins" "$work/more"
  install -m 755 "$build"/plugins/*/*.so "$work/plugins"
  cat >"$work/ivshmemd.conf" <<CONFIG
[region demo]
plugin=doorbell-server
socket=$socket
size=1M
vectors=4
CONFIG
  http=
  if has_http; then
    make_token
    printf '[http]\ntokens=%s\n' "$work/tokens" >>"$work/ivshmemd.conf"
    http="--http 127.0.0.1:$(choose_port) --http unix:$work/http.sock"
  fi
  # shellcheck disable=SC2086 # several words are meant
  background "$log" "$build/daemon/ivshmemd" --session --config "$work/ivshmemd.conf" \
    --config-dir "$work/more" --state-dir "$work" --plugin-dir "$work/plugins" $http
  daemon=$last
  within 'the daemon with its region' "$ctl" --session show demo
}

say_step() {
  printf '\n\033[1m%s\033[0m\n' "$*"
}
# Colours are for terminals.
[ -t 1 ] || say_step() { printf '\n%s\n' "$*"; }

# A command, and what it answers.
show() {
  printf '$ ivshmemctl %s\n' "$*"
  "$ctl" --session "$@"
}

show_file() {
  sed 's/^/  /' "$1"
}

tour() {
  say_step 'A daemon serves the region demo: 1 MiB, 4 vectors.'
  show list

  say_step 'Its memory is written and read.'
  printf '$ echo "hello, guest" | ivshmemctl write demo --offset 0\n'
  echo 'hello, guest' | "$ctl" --session write demo --offset 0
  show read demo --length 32
  show atomic demo add --offset 64 --width 8 --value 41
  show atomic demo add --offset 64 --width 8 --value 1

  say_step 'A range of it is watched while somebody writes there.'
  printf '$ ivshmemctl watch demo --offset 128 --length 64 &\n$ date | ivshmemctl write demo --offset 128\n'
  background "$work/watch.log" "$ctl" --session watch demo --offset 128 --length 64
  within 'the watch' grep -q watching "$work/watch.log"
  date | "$ctl" --session write demo --offset 128
  within 'the change' grep -q changed "$work/watch.log"
  printf 'The watch says:\n'
  show_file "$work/watch.log"

  say_step 'A peer joins, as a guest would; the monitor follows what happens.'
  background "$work/monitor.log" "$ctl" --session monitor demo
  within 'the monitor' grep -q following "$work/monitor.log"
  background "$work/peer.log" "$ctl" --session join demo
  peer=$last
  within 'the peer' grep -q . "$work/peer.log"
  within 'the news of the peer' grep -q connected "$work/monitor.log"
  printf '$ ivshmemctl monitor demo &\n$ ivshmemctl join demo &\n'
  show peers demo

  say_step 'It is rung: all peers, vector 2.'
  show ring demo all 2
  within 'the interrupt' grep -q interrupt "$work/peer.log"
  printf 'The peer says:\n'
  show_file "$work/peer.log"

  say_step 'The daemon itself is rung, as by a guest.'
  show ring demo 255 1
  within 'the interrupt of the daemon' grep -q 'interrupt vector=1' "$work/monitor.log"

  say_step 'The peer leaves.'
  kill "$peer"
  last=$daemon
  within 'the news of its leave' grep -q disconnected "$work/monitor.log"
  printf 'The monitor says:\n'
  show_file "$work/monitor.log"

  say_step 'A QEMU joins with these arguments:'
  show qemu-args demo
}

# A request, and its answer.
ask() {
  path=$1
  shift
  printf '$ curl %s%s\n' "$*${*:+ }" "$url$path"
  curl --silent --show-error --fail-with-body --max-time 20 -H "Authorization: Bearer $(cat "$token_file")" "$@" "$url$path"
}

tour_http() {
  link=$("$ctl" --session --quiet web)
  url=${link%%/#*}
  say_step 'The same over HTTP, by a token that curl sends along.'
  ask /v1/regions/demo/ring -H 'Content-Type: application/json' -d '{"peer":"all","vector":0}'
  ask '/v1/regions/demo/memory?offset=0&length=13'
  ask /metrics | grep -E '^(\$|ivshmem_(build_info|region_(up|size_bytes|peers)))'
}

# The end that --once comes to by itself, looked at.
stop_daemon() {
  kill "$daemon"
  code=0
  wait "$daemon" || code=$?
  [ "$code" = 0 ] || {
    cat "$log" >&2
    die "the daemon ended with $code"
  }
}

command -v gdbus >/dev/null || die 'gdbus is missing; it comes with GLib'
if ! bus_call GetId >/dev/null 2>&1; then
  private_bus
  where='a bus of its own'
elif ! bus_call NameHasOwner org.ivshmem.Daemon1 2>/dev/null | grep -q false; then
  private_bus
  where='a bus of its own, since yours has an ivshmemd already'
else
  where='your session bus'
fi
start_daemon
tour
! has_http || tour_http
if [ -n "$once" ]; then
  stop_daemon
else
  say_step "The daemon is on $where. In another terminal, from this directory:"
  printf 'export DBUS_SESSION_BUS_ADDRESS=%s\n' "'$DBUS_SESSION_BUS_ADDRESS'"
  printf '%s list\n' "$ctl"
  if has_http; then
    say_step 'By curl, or by Prometheus (authorization: credentials_file):'
    # shellcheck disable=SC2016 # the reader's shell shall expand it
    printf 'curl -H "Authorization: Bearer $(cat %s)" %s/v1/regions\n' "$token_file" "$url"
    say_step 'In a browser, once (ivshmemctl web prints another link):'
    printf '%s\n' "$("$ctl" --session --quiet web)"
  fi
  say_step 'Ctrl-C ends it.'
  wait "$daemon" || :
  cat "$log" >&2
  die 'the daemon has ended by itself'
fi
