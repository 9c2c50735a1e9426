#!/usr/bin/env bash
# `make run`: installs, builds, starts the system unless it runs, and opens the shell. Leaving the shell leaves the
# system running (and the shell says so).
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install.sh build
scripts/build.sh release
source scripts/data_dir.sh

bin=build/release/bin
address=unix:$DATA_DIR/run/api.sock

# 4: it answers, to somebody who is logged out.
answers() {
  local status=0
  "$bin/grpc-os" --address "$address" whoami >/dev/null 2>&1 || status=$?
  [[ $status -eq 0 || $status -eq 4 ]]
}

# init holds the lock for life.
runs() { [[ -e $DATA_DIR/run/init.lock ]] && ! flock -n "$DATA_DIR/run/init.lock" true; }

if runs; then
  for exe in /proc/[0-9]*/exe; do
    if [[ $(readlink "$exe" 2>/dev/null) == "$PWD/$bin/grpc-osd (deleted)" ]] &&
      tr '\0' '\n' <"${exe%exe}cmdline" 2>/dev/null | grep -qxF -- "$DATA_DIR"; then
      echo "An older build is running; \`make stop\` and \`make run\` take the new one into use. The processes stay up."
    fi
  done
else
  said=build/init.said
  arguments=(--data-dir "$DATA_DIR")
  [[ -f .env ]] && arguments+=(--env-file "$PWD/.env")
  setsid nohup "$bin/grpc-os-init" "${arguments[@]}" </dev/null >"$said" 2>&1 &
  init=$!
fi

for ((tenths = 300; tenths > 0; tenths--)); do
  answers && break
  if [[ -n ${init:-} ]] && ! kill -0 "$init" 2>/dev/null; then
    cat "$said" >&2
    echo "The system did not start (above)." >&2
    exit 1
  fi
  sleep 0.1
done
if ((tenths == 0)); then
  [[ -n ${init:-} ]] && cat "$said" >&2
  echo "The system does not answer on $address after 30 seconds; see $DATA_DIR/logs/system/." >&2
  exit 1
fi
[[ -n ${init:-} ]] && cat "$said"

status=0
"$bin/grpc-os" --address "$address" || status=$?
# At a terminal the last command's failure was seen already; make need not repeat it.
[[ -t 0 ]] || exit "$status"
