#!/bin/sh
# The binary interface of the shared library: its symbols are those of src/eddy.map, and it is
# compatible with what tests/project/abi.xml records (docs/abi.md). Prints one line for each rule.
#
#     tests/project/abi.sh BUILD [--record]
#
# --record writes the present interface to src/eddy.map and tests/project/abi.xml instead.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "$1" && pwd) || exit 2
cd "$top" || exit 2
library=$build/src/libeddy.so
map=src/eddy.map
record=tests/project/abi.xml
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
failed=0

# Says how a rule is kept; what breaks it comes on standard input.
rule()
{
    broken=$(cat)
    if [ -z "$broken" ]; then
        echo "ok $1"
    else
        echo "not ok $1 - $(echo "$broken" | head -n 1)"
        echo "$broken" | sed 's/^/# /'
        failed=1
    fi
}

# Every public name: of the objects, since the library exports only what the map lists already.
public()
{
    nm -g --defined-only "$build"/src/libeddy.a 2>/dev/null | awk 'NF == 3 { print $3 }' |
        sort -u >"$work/defined"
    # shellcheck disable=SC2046 # a list of words
    (cd include && cat $(sed -n 's/^#include "\(.*\)"/\1/p' eddy.h)) |
        ${CC:-cc} -fpreprocessed -dD -E -P - 2>/dev/null |
        grep -v '^#' | tr '\n' ' ' | grep -o 'EDDY_API [^;]*;' | sed 's/EDDY_[A-Z]*([^()]*) //g' |
        grep -o '[a-z][a-z0-9_]*(' | tr -d '(' | sort -u >"$work/declared"
    { comm -12 "$work/defined" "$work/declared" && echo eddy_introspection; } | sort -u
}
listed()
{
    sed -n 's/^    \([a-z0-9_]*\);$/\1/p' "$map" | sort -u
}

# The interface as libabigail sees it, without what depends on the machine.
dump()
{
    abidw --headers-dir include --drop-private-types --no-corpus-path --no-comp-dir-path \
        --no-show-locs --no-elf-needed --exported-interfaces-only --no-write-default-sizes \
        --out-file "$1" "$library"
}

build_target()
{
    cmake --build "$build" --target "$1" >"$work/log" 2>&1 || {
        tail -n 20 "$work/log" >&2
        exit 1
    }
}

if [ "${2:-}" = --record ]; then
    build_target eddy # whose symbols public() looks at
    public >"$work/public"
    {
        echo "# What libeddy.so exports; written by tests/project/abi.sh --record. See docs/abi.md."
        echo "EDDY_0.1 {"
        echo "global:"
        sed 's/.*/    &;/' "$work/public"
        echo "local:"
        echo "    *;"
        echo "};"
    } >"$work/map"
    cmp -s "$work/map" "$map" || cp "$work/map" "$map"
    build_target eddy_shared
    dump "$record"
    exit
fi

public >"$work/public"
listed >"$work/listed"
comm -23 "$work/public" "$work/listed" |
    sed "s|\$| is public, but not in $map: tests/project/abi.sh $1 --record|" |
    rule "every public name is in the version script"
comm -13 "$work/public" "$work/listed" | sed "s|\$| is in $map, but not public|" |
    rule "every name of the version script is public"
nm -D --defined-only "$library" |
    awk '$3 ~ /^eddy/ && $3 !~ /@@EDDY_0/ { print $3 " has no version" }' |
    rule "every exported name has its version"

if ! command -v abidiff >/dev/null; then
    echo "ok the interface is as it was recorded # skip there is no abidiff (Debian: abigail-tools)"
elif [ "$(uname -m)" != x86_64 ] ||
    ! grep -qE '^CMAKE_BUILD_TYPE:[A-Z]*=(RelWithDebInfo)?$' "$build/CMakeCache.txt" ||
    grep -qE '^EDDY_(SANITIZE:STRING=.+|FAULTS:BOOL=ON)' "$build/CMakeCache.txt"; then
    echo "ok the interface is as it was recorded # skip the record is of another kind of build"
else
    dump "$work/abi.xml" || exit 2
    abidiff --no-added-syms --suppressions tests/project/abi.suppr "$record" "$work/abi.xml" \
        >"$work/difference" && : >"$work/difference"
    rule "the interface is as it was recorded" <"$work/difference"
    tests/project/abi_options.py "$record" "$work/abi.xml" 2>&1 |
        rule "options have grown only at the end"
fi
exit $failed
