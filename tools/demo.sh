#!/bin/sh
# Shows eddy-fetch at work: some three hundred URLs of every sort from a server on this machine, all
# at once, and how long they would have taken one after the other. Builds those two programs first,
# and nothing that they do not need.
#
#     tools/demo.sh BUILD
set -u
[ $# -eq 1 ] || { echo "usage: tools/demo.sh BUILD" >&2 && exit 2; }
top=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$1" && build=$(cd "$1" && pwd) || exit 2
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
server=

work=$(mktemp -d) || exit 1
stop()
{
    [ -z "$server" ] || { kill "$server" && wait "$server"; } 2>/dev/null
    rm -rf "$work"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# A build folder that is new gets Ninja where that is installed: it is quicker than make.
! command -v ninja >/dev/null || export CMAKE_GENERATOR=Ninja
echo "Building eddy's library, eddy-fetch and a server for it in $build."
if ! {
    { [ -e "$build/CMakeCache.txt" ] || cmake -S "$top" -B "$build"; } &&
        cmake --build "$build" -j "$(nproc)" --target http-server eddy-fetch
} >"$work/log" 2>&1; then
    grep -E 'rror' "$work/log" | head -n 20 >&2
    echo "demo: it does not build; \`make BUILD=$build\` shows more" >&2
    exit 1
fi

"$build/bin/http-server" >"$work/address" &
server=$!
tries=0
until [ -s "$work/address" ]; do
    tries=$((tries + 1))
    if [ $tries -gt 100 ] || ! kill -0 "$server" 2>/dev/null; then
        echo "demo: the server did not start" >&2
        exit 1
    fi
    sleep 0.05
done
base=$(cat "$work/address")

# The number makes each URL another one.
awk -v base="$base" 'BEGIN {
    for (i = 0; i < 300; i++) {
        if (i % 60 == 7)       url = base "/bytes/20000000"
        else if (i % 10 == 3)  url = base "/chunked/500000"
        else if (i % 10 == 5)  url = base "/redirect/" i % 7 + 1
        else if (i % 50 == 1)  url = base "/status/404"
        else if (i % 50 == 11) url = base "/cut/100000"
        else if (i % 50 == 21) url = base "/flaky/2"
        else if (i % 75 == 31) url = "http://127.0.0.1:1/refused"
        else if (i % 150 == 41) url = base "/silent"
        else if (i % 10 == 8)  url = base "/drip/0." i % 7 + 2
        else                   url = base "/slow/0." i % 8 + 2
        print url "?" i
    }
}' >"$work/urls"

fetch="$build/bin/eddy-fetch --timeout 2 --retry 1"
echo "$(wc -l <"$work/urls") URLs from $base: slow, large, redirecting, failing, refused, silent." \
    "At most 64 at a time:"
echo "    eddy-fetch -j 64 --timeout 2 --retry 1 -i urls"
if [ -t 2 ]; then
    $fetch -j 64 -i "$work/urls" >"$work/table"
    code=$?
else
    $fetch -j 64 -i "$work/urls" >"$work/table" 2>"$work/lines"
    code=$?
    head -n 5 "$work/lines" && echo "…" && tail -n 5 "$work/lines"
fi
[ $code -le 1 ] || exit $code # some fail, as they should

echo
echo "The table, every twentieth line:"
sed -n '1p; 3~20p' "$work/table" | sed '$d'
echo
echo "What came of them:"
sed '1d; $d' "$work/table" | awk '{
    line = $4 == "-" ? "fetched" : $0
    if ($4 != "-") {
        sub(/^ *[^ ]+ +[^ ]+ +[^ ]+ +/, "", line)
        sub(/ +http:[^ ]*$/, "", line)
        gsub(/[0-9]+ (ms|bytes)|after|\([^)]*\)/, "", line)
    }
    count[line]++
} END { for (line in count) printf "%6d  %s\n", count[line], line }' | sort -rn

# A sample for real, to show that the sum of the times is what a program that waits for each would
# have needed.
sed -n '2~30p' "$work/urls" >"$work/sample"
$fetch -q --json -j 1 -i "$work/sample" >"$work/sample.json" 2>/dev/null
code=$?
[ $code -le 1 ] || exit $code
sample=$(sed -n 's/^  "seconds": \([0-9.]*\),*$/\1/p' "$work/sample.json")
together=$(awk 'NR == FNR { wanted[$1]; next }
    $NF in wanted { sum += $3 }
    END { printf "%.2f", sum }' \
    "$work/sample" "$work/table")
total=$(sed -n '$s/.* in \([0-9.]*\) s .*/\1/p' "$work/table")
sum=$(sed -n '$s/.*add up to \([0-9.]*\) s.*/\1/p' "$work/table")
echo
tail -n 1 "$work/table"
awk -v total="$total" -v sum="$sum" -v sample="$sample" -v together="$together" \
    -v n="$(wc -l <"$work/sample")" 'BEGIN {
    printf "\n  concurrently         %7.2f s   measured\n", total
    printf "  one after another    %7.2f s   sum of the URLs'\'' times: %.0f times as long\n",
        sum, sum / total
    printf "\n%d of the URLs were fetched again, one after another: %.2f s measured, %.2f s as\n",
        n, sample, together
    printf "the sum of their times in the run above.\n"
}'
