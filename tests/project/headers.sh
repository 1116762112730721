#!/bin/sh
# Each public header compiles alone, pedantically: in C11 with gcc and in C++17 with clang, and
# eddy.h, which includes them all, in both languages with both; those of eddy.hpp in C++17 with gcc,
# and eddy.hpp with both, for exceptions and for results. Prints one line for each.
#
#     tests/project/headers.sh
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top/include" || exit 2
failed=0

# compile COMPILER LANGUAGE STANDARD [OPTION…]
compile()
{
    command -v "$1" >/dev/null || return 0
    compiler=$1 language=$2 standard=$3
    shift 3
    echo "#include \"$header\"" |
        "$compiler" -x "$language" -std="$standard" -pedantic -Wall -Wextra -Werror -I. "$@" \
            -fsyntax-only - >"$messages" 2>&1 && return 0
    echo "not ok $header compiles alone - not with $compiler as $standard $*"
    sed 's/^/# /' "$messages"
    failed=1
    return 1
}

messages=$(mktemp)
for header in eddy.h eddy/*.h; do
    compile gcc c c11 && compile clang++ c++ c++17 && echo "ok $header compiles alone"
done
for header in eddy/cxx/*.hpp; do
    compile g++ c++ c++17 && echo "ok $header compiles alone"
done
header=eddy.h
compile clang c c11 && compile g++ c++ c++17 && echo "ok $header compiles with the other compilers"
header=eddy.hpp
compile g++ c++ c++17 && compile clang++ c++ c++17 && compile g++ c++ c++17 -fno-exceptions &&
    compile clang++ c++ c++17 -DEDDY_RESULTS && echo "ok $header compiles alone"
rm -f "$messages"
exit $failed
