#!/bin/sh
# eddy in C++: what docs/cxx.md says of exceptions and of parameters, with both compilers. Prints
# one line for each.
#
#     tests/project/cxx.sh BUILD
# shellcheck disable=SC2317
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
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
    "$@" -g -Wall -Wextra -Werror -pthread -I"$top/include"
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

libraries=$(pkg-config --libs liburing openssl libcares 2>/dev/null)
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
exit $failed
