#!/usr/bin/env bash
# Two network namespaces with a wire (veth) between them, for tests of workers on two machines.
#   two-networks.sh check                                             whether this machine permits it
#   two-networks.sh run <database socket> <engine socket> <port> <program...>
# In `run` the first namespace has 10.77.0.1, where port 5432 leads to the database's socket and <port> to the engine's. The
# program runs in the second one (10.77.0.2); its own 127.0.0.1:<port> leads over the wire to the engine.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)

if [ "${1:-}" = check ]; then
  exec unshare --user --map-root-user --net bash "$0" wire true
fi

if [ "${1:-}" = wire ]; then
  shift
  # A namespace that lives as long as its sleeper.
  unshare --net sleep 86400 &
  sleeper=$!
  trap 'kill $sleeper 2>/dev/null' EXIT
  for _ in $(seq 50); do
    [ "$(readlink "/proc/$sleeper/ns/net")" != "$(readlink /proc/self/ns/net)" ] && break
    sleep 0.1
  done
  ip link add wire0 type veth peer name wire1
  ip link set wire1 netns "$sleeper"
  ip addr add 10.77.0.1/24 dev wire0
  ip link set wire0 up
  ip link set lo up
  nsenter --net="/proc/$sleeper/ns/net" bash -c \
    'ip addr add 10.77.0.2/24 dev wire1 && ip link set wire1 up && ip link set lo up'
  nsenter --net="/proc/$sleeper/ns/net" "$@" &
  inner=$!
  trap 'kill -TERM $inner 2>/dev/null' TERM
  code=0
  wait "$inner" || code=$?
  # Interrupted by the signal that was handed on: wait for its end.
  while kill -0 "$inner" 2>/dev/null; do wait "$inner" || code=$?; done
  exit "$code"
fi

shift
database=$1 engine=$2 port=$3
shift 3
exec unshare --user --map-root-user --net bash -c '
  here=$1 database=$2 engine=$3 port=$4
  shift 4
  node=$1
  "$node" "$here/bridge.ts" 0.0.0.0:5432 "$database" "0.0.0.0:$port" "$engine" &
  bridge=$!
  bash "$here/two-networks.sh" wire bash -c "\"\$1\" \"\$2/bridge.ts\" 127.0.0.1:\$3 10.77.0.1:\$3 & shift 3; exec \"\$@\"" inner "$node" "$here" "$port" "$@" &
  inner=$!
  trap "kill -TERM $inner 2>/dev/null" TERM
  wait "$inner"; code=$?
  while kill -0 "$inner" 2>/dev/null; do wait "$inner"; code=$?; done
  kill "$bridge" 2>/dev/null
  exit "$code"
' networks "$here" "$database" "$engine" "$port" "$@"
