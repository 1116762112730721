#!/bin/sh
# Each public header compiles alone, pedantically, in C11 and C++17, with both compilers. Prints one
# line for each.
#
#     tests/project/headers.sh
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top/include" || exit 2
failed=0

compile()
{
    command -v "$1" >/dev/null || return 0
    echo "#include \"$header\"" |
        "$1" -x "$2" -std="$3" -pedantic -Wall -Wextra -Werror -I. -fsyntax-only - >"$messages" \
        2>&1 && return 0
    echo "not ok $header compiles alone - not with $1 as $3"
    sed 's/^/# /' "$messages"
    failed=1
    return 1
}

messages=$(mktemp)
for header in eddy.h eddy/*.h; do
    compile gcc c c11 && compile clang c c11 && compile g++ c++ c++17 &&
        compile clang++ c++ c++17 &&
        echo "ok $header compiles alone"
done
rm -f "$messages"
exit $failed
