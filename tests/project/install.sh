#!/bin/sh
# A program outside the tree compiles, links and runs against what `make install` put into a prefix,
# with the static and with the shared library. Prints one line for each.
#
#     tests/project/install.sh BUILD
# shellcheck disable=SC2317
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "$1" && pwd) || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix
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

cat >"$work/hello.c" <<'END'
#include <eddy.h>
#include <stdio.h>

eddy_async(say_after, (double, delay), (const char *, what))
{
    eddy_try(eddy_sleep(delay));
    puts(what);
    return 0;
}

eddy_async(amain)
{
    eddy_task *world = eddy_create_task(say_after(0.002, "world"));

    eddy_try(eddy_await(say_after(0.001, "hello")));
    return eddy_await(world);
}

int main(void)
{
    return eddy_run(amain());
}
END

flags()
{
    PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name eddy.pc)") pkg-config "$@" eddy
}

compile_static()
{
    # shellcheck disable=SC2046 # lists of words
    cc -o "$work/hello-static" "$work/hello.c" \
        $(flags --cflags) "$(find "$prefix" -name libeddy.a)" \
        $(flags --static --libs | tr ' ' '\n' | grep -v '^-leddy$')
}
compile_shared()
{
    # shellcheck disable=SC2046
    cc -o "$work/hello-shared" "$work/hello.c" $(flags --cflags --libs)
}
prints_hello()
{
    LD_LIBRARY_PATH=$(dirname "$(find "$prefix" -name libeddy.so)") "$1" >"$work/out" &&
        [ "$(cat "$work/out")" = "hello
world" ]
}
uses_shared()
{
    readelf -d "$work/hello-shared" | grep NEEDED | grep -q libeddy
}
has_man_pages()
{
    for program in "$prefix"/bin/*; do
        [ ! -e "$program" ] || [ -n "$(find "$prefix" -name "$(basename "$program").1")" ] ||
            { echo "$(basename "$program") has no manual page" && return 1; }
    done
}
stays_inside()
{
    flags --cflags --libs | tr ' ' '\n' | grep -E '^-[IL]' | grep -vF "$prefix" && return 1
    return 0
}

# The example's tests, against what eddy-test.pc says.
compile_tests()
{
    # shellcheck disable=SC2046
    cc -o "$work/bank-test" "$top/examples/testing/bank_test.c" "$top/examples/testing/bank.c" \
        $(PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name eddy-test.pc)") pkg-config --cflags \
        --libs eddy-test)
}
passes()
{
    "$1" >"$work/out" && ! grep -q '^not ok' "$work/out"
}

check "make install" cmake --install "$build" --prefix "$prefix" || exit 1
check "eddy.pc points into the prefix" stays_inside
check "a program links with the installed static library" compile_static &&
    check "and runs" prints_hello "$work/hello-static"
check "a program links with the installed shared library" compile_shared &&
    check "and uses it" uses_shared && check "and runs with it" prints_hello "$work/hello-shared"
check "a program's tests link with the installed test kit" compile_tests &&
    check "and pass" passes "$work/bank-test"
check "each installed program has its manual page" has_man_pages
exit $failed
