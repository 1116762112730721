#!/bin/sh
# Checks that the programs that README.md begins with compile without a warning, with both
# compilers. Prints one line for each.
#
#     tests/project/readme.sh
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
failed=0

# The C blocks of README.md, as $work/1.c, $work/2.c, …; the first is a whole program, those that
# follow are parts of one.
awk -v work="$work" '
    /^```c( |$)/ {
        name = work "/" ++n ".c"
        printf "" > name
        if (n > 1)
            print "#include <eddy.h>\n#include <stdio.h>" > name
        next
    }
    /^```/ { name = ""; next }
    name { print > name }' "$top/README.md"

for program in 1 2; do
    for compiler in gcc clang; do
        command -v $compiler >/dev/null || continue
        if "$compiler" -std=c11 -D_POSIX_C_SOURCE=200809L -Wall -Wextra -Wpedantic -Werror \
            -I"$top/include" -fsyntax-only "$work/$program.c" >"$work/messages" 2>&1; then
            echo "ok program $program of README.md compiles with $compiler"
        else
            echo "not ok program $program of README.md compiles with $compiler -" \
                "$(grep -m 1 error "$work/messages")"
            sed 's/^/# /' "$work/messages"
            failed=1
        fi
    done
done
exit $failed
