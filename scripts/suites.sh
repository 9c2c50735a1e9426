# Sourced by run_tests.sh and verify.sh: runs suites and keeps their results for count_results.py.
# Needs `results` to be set to a directory, which is emptied.

rm -rf "$results"
mkdir -p "$results"
results=$(realpath "$results")

# timed NAME COMMAND...: keeps how many seconds it took.
timed() {
  local name=$1 begin=$SECONDS status=0
  shift
  "$@" || status=$?
  echo "$((SECONDS - begin))" >"$results/$name.seconds"
  return "$status"
}

# suite NAME COMMAND...: a command that writes JUnit XML to the file named by $junit.
suite() {
  local name=$1 status=0
  shift
  printf '\n== %s\n' "$name"
  export junit=$results/$name.xml
  timed "$name" "$@" || status=$?
  echo "$status" >"$results/$name.suite"
}

# check NAME COMMAND...: a command that is one test by itself.
check() {
  local name=$1 status=0
  shift
  printf '\n== %s\n' "$name"
  timed "$name" "$@" || status=$?
  echo "$status" >"$results/$name.check"
  return "$status"
}

ctest_suite() {  # ctest_suite PRESET
  ctest --test-dir "build/$1" -j "$(nproc)" --output-on-failure --no-tests=error --output-junit "$junit" \
    >"$results/ctest-$1.log" 2>&1 || { local status=$?; grep -v ' Passed ' "$results/ctest-$1.log" | tail -n 200; return $status; }
  tail -n 3 "$results/ctest-$1.log"
}

pytest_suite() {  # pytest_suite PRESET PATH [ARGUMENT...]: with the binaries of a preset
  local preset=$1
  shift
  # Tests send the signals of a terminal; whoever runs us in the background may have us ignore them.
  env --default-signal=HUP,INT,QUIT GRPC_OS_BIN_DIR="$PWD/build/$preset/bin" build/venv/bin/python -m pytest -q -p no:cacheprovider --junitxml="$junit" "$@"
}

# parallel_pytest_suite PRESET PATH [ARGUMENT...]: for tests each of which has a system of its own, and mostly waits.
parallel_pytest_suite() { pytest_suite "$@" --numprocesses 3; }

# summary [BUDGET]: fails where a test did, and where a suite took longer than BUDGET, a file, lets it.
summary() { python3 scripts/count_results.py "$results" "$@"; }
