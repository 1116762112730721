#!/bin/sh
# Checks that each row of the benchmark runs: all of eddy's programs, for a moment each. Prints one
# line for each row.
#
#     tests/project/bench.sh BUILD
set -u
[ $# -eq 1 ] || { sed -n '5s/^# *//p' "$0"; exit 2; }
build=$(cd "$1" && pwd) || exit 2
cd "$(dirname "$0")/../.." || exit 2

[ -x "$build/bench/eddy-bench" ] || {
    echo "ok the rows of the benchmark # SKIP eddy-bench was not built"
    exit 0
}
log=$(mktemp) || exit 2
trap 'rm -f "$log"' EXIT
python3 bench/run.py --build "$build/bench" --check >"$log" 2>&1
status=$?

# A line has the metric, the program, and a value with its unit; or FAILED, and why.
awk '
    /^[#|]/ { exit }
    / FAILED / && /with-names: unshare/ { print "ok " $1 " # SKIP no namespaces here"; next }
    / FAILED / { print "not ok " $0; next }
    sub(/ +[0-9,]+\.[0-9] [A-Za-z].*/, "") { gsub(/ +/, " "); print "ok " $0 }' "$log"
if ! grep -q '^| workload' "$log"; then
    echo "not ok the benchmark came to its end - $(tail -n 1 "$log")"
    exit 1
fi
exit $status
