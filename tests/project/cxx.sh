#!/bin/sh
# eddy in C++: what docs/cxx.md says of exceptions, of parameters and of eddy.hpp, with both
# compilers. Prints one line for each.
#
#     tests/project/cxx.sh BUILD
#     tests/project/cxx.sh --asan BUILD     eddy.hpp alone, above a library with AddressSanitizer
# shellcheck disable=SC2317
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
asan=no
[ "$1" != --asan ] || {
    asan=yes
    shift
}
build=$(cd "$1" && pwd) || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
failed=0

check()
{
    name=$1
    shift
    if "$@" >"$work/messages" 2>&1; then
        echo "ok $name"
    else
        echo "not ok $name - $(tail -n 1 "$work/messages")"
        sed 's/^/# /' "$work/messages"
        failed=1
        return 1
    fi
}

compile()
{
    "$@" -g -Wall -Wextra -Wshadow -Werror -pthread -I"$top/include"
}
dies_with()
{
    "$work/exceptions" "$1" >"$work/out" 2>&1
    code=$?
    cat "$work/out"
    [ $code -gt 128 ] && grep -q "$2" "$work/out"
}
refuses()
{
    cat >"$work/f.cpp" <<END
#include <eddy.h>
#include <string>
$1(f, ($2, a), (int, b))
{
    (void)a;
    return b;
}
END
    "$cxx" -std=c++17 -I"$top/include" -fsyntax-only "$work/f.cpp" >"$work/out" 2>&1 && return 1
    cat "$work/out"
    grep -q "copies these parameters byte by byte" "$work/out"
}
takes()
{
    cat >"$work/f.cpp" <<END
#include <eddy.h>
#include <string>
$1(f, ($2, a), (int, b))
{
    (void)a;
    return b;
}
END
    "$cxx" -std=c++17 -I"$top/include" -fsyntax-only "$work/f.cpp"
}

# eddy.hpp: a file compiled for exceptions, linked with one compiled for results.
# hpp COMPILER [OPTION…]
hpp()
{
    cxx=$1
    shift
    # shellcheck disable=SC2086 # a list of words
    check "eddy.hpp compiles, with $cxx" compile "$cxx" -std=c++17 -Wpedantic "$@" \
        "$top/tests/project/cxx/hpp.cpp" "$top/tests/project/cxx/results.cpp" -o "$work/hpp" \
        "$library" $libraries
}
# Runs what hpp() has built: each promise is a line of its own.
promises()
{
    "$@" "$work/hpp" >"$work/promises" 2>&1 || failed=1
    grep -E '^(ok|not ok) ' "$work/promises" | sed "s,$, (eddy.hpp with $cxx: $*),"
    grep -vE '^(ok|not ok) ' "$work/promises" | sed 's/^/# /'
    grep -q '^ok results: run()' "$work/promises" || {
        echo "not ok the program of eddy.hpp came to its end, with $cxx: $*"
        failed=1
    }
}

libraries=$(pkg-config --libs liburing openssl libcares 2>/dev/null)
library=$build/src/libeddy.a
if [ $asan = yes ]; then
    library=$build/src/libeddy_test.a # the one that is built for tests
    hpp g++ -fsanitize=address,undefined &&
        promises env ASAN_OPTIONS=detect_stack_use_after_return=0
    exit $failed
fi

# Each macro that only C has, in a header of eddy's, has a function of that name in C++.
has_all_forms()
{
    cat "$top"/include/eddy/*.h | perl -0777 -ne '
        my (%macros, %functions);
        while (/#ifndef __cplusplus\n(.*?)#(?:endif|else)/sg) {
            my $block = $1;
            $macros{$1} = 1 while $block =~ /#define (eddy_[a-z_0-9]+)\(/g;
        }
        $functions{$1} = 1 while /\binline [^\n(;{}]*?\s\*?(eddy_[a-z_0-9]+)\(/g;
        $functions{$1} = 1 while /template <[^;{]*?\b(eddy_[a-z_0-9]+)\(/g;
        my @missing = grep { !$functions{$_} } sort keys %macros;
        die "no macros found\n" unless keys %macros > 25;
        die "no form in C++: @missing\n" if @missing;'
}
check "each macro of C has a form in C++" has_all_forms

for cxx in g++ clang++; do
    command -v $cxx >/dev/null || continue
    # shellcheck disable=SC2086 # lists of words
    check "exceptions: $cxx compiles the program" compile $cxx -std=c++17 \
        "$top/tests/project/cxx/exceptions.cpp" \
        -o "$work/exceptions" "$build/src/libeddy.a" $libraries || continue
    for backend in io_uring epoll; do
        check "exceptions belong to tasks and pass where they may, with $cxx and $backend" \
            env EDDY_BACKEND=$backend "$work/exceptions"
    done
    check "an exception that leaves a task ends the process, with $cxx" dies_with task "thrown"
    check "one that leaves a protocol, too, with $cxx" dies_with protocol \
        "a C++ exception has left a function"
    # shellcheck disable=SC2086 # lists of words
    check "the forms of macros in C++ compile, with $cxx" compile $cxx -std=c++17 -Wpedantic \
        "$top/tests/project/cxx/forms.cpp" -o "$work/forms" "$build/src/libeddy.a" $libraries &&
        check "and do what they say, with $cxx" "$work/forms"
    for macro in eddy_async eddy_gen eddy_async_gen eddy_run_on_executor; do
        check "$macro refuses a std::string, with $cxx" refuses $macro std::string
        check "$macro takes a reference and a pointer, with $cxx" takes $macro "const std::string &"
    done
    check "a plugin in C++ compiles, with $cxx" compile $cxx -std=c++17 -shared -fPIC \
        -o "$work/plugin.so" \
        "$top/tests/project/cxx/plugin.cpp" &&
        check "and its host in C" compile cc -o "$work/host" "$top/tests/project/cxx/host.c" \
        -L"$build/src" -leddy -ldl &&
        check "exceptions of a plugin belong to tasks as well, with $cxx" \
            env LD_LIBRARY_PATH="$build/src" "$work/host" "$work/plugin.so"
done
# The programs of docs/cxx.md that use eddy.hpp.
guide_runs()
{
    awk -v dir="$work" '/^```cpp/ { n++; file = dir "/guide" n ".cpp"; next } /^```/ { file = "" }
        file { print > file }' "$top/docs/cxx.md"
    for part in $(grep -l 'include <eddy.hpp>' "$work"/guide*.cpp); do
        compile g++ -std=c++17 -c "$part" -o "${part%.cpp}.o" || return 1
    done
    # shellcheck disable=SC2086 # a list of words
    compile g++ $(grep -l '^int main' "$work"/guide*.cpp | sed 's,cpp$,o,') -o "$work/guide" \
        "$build/src/libeddy.a" $libraries && "$work/guide" >"$work/out" &&
        [ "$(cat "$work/out")" = "hello!" ]
}
check "the program in docs/cxx.md does what it says" guide_runs

for cxx in g++ clang++; do
    command -v $cxx >/dev/null || continue
    hpp $cxx || continue
    promises env EDDY_BACKEND=io_uring
    [ $cxx = g++ ] || continue
    promises env EDDY_BACKEND=epoll
    ! command -v valgrind >/dev/null ||
        promises env EDDY_BACKEND=epoll valgrind -q --error-exitcode=97 --leak-check=full \
            --errors-for-leak-kinds=definite
done
exit $failed
