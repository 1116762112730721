#!/bin/sh
# What is built is hardened: library, tools, examples. Prints one line for each rule.
#
#     tests/project/hardening.sh BUILD
# shellcheck source=tests/project/rules.sh
. "$(dirname "$0")/rules.sh"

if ! command -v readelf >/dev/null; then
    echo "ok hardening # skip there is no readelf"
    exit 0
fi
if grep -qE '^EDDY_SANITIZE:STRING=.+|^CMAKE_BUILD_TYPE:[A-Z]*=(Debug|None)' \
    "$build/CMakeCache.txt"; then
    echo "ok hardening # skip this build is not for use"
    exit 0
fi

files=$(ls "$build"/bin/* "$build"/src/libeddy.so)

# without WHAT OPTION PATTERN: the files in which readelf OPTION does not show PATTERN.
without()
{
    for file in $files; do
        readelf "$2" -W "$file" 2>/dev/null | grep -qE "$3" || echo "$file has no $1"
    done
}

without BIND_NOW -d 'BIND_NOW|FLAGS_1.*NOW' | rule "symbols are bound when a program starts"
without GNU_RELRO -l GNU_RELRO | rule "what was bound is read-only then"
without "position-independent code" -h 'Type: +DYN' | rule "programs are position-independent"
for file in $files; do
    readelf -lW "$file" | grep -E 'GNU_STACK.* RWE|LOAD.* RWE' | sed "s,^,$file: ,"
done | rule "no memory is writable and executable"
without __stack_chk_fail --dyn-syms __stack_chk_fail | rule "the stack protector is in use"
without "checked call of the C library" --dyn-syms '__[a-z]+_chk' |
    rule "the C library's checks are in use"

# One object without the mark would take it from whatever is linked with it. The linker's own start
# files may lack it.
if [ "$(uname -m)" = x86_64 ]; then
    objects=$(ar t "$build"/src/libeddy.a | wc -l)
    marked=$(readelf -nW "$build"/src/libeddy.a | grep -c 'x86 feature:.*IBT')
    [ "$marked" = "$objects" ] || echo "$marked of $objects objects are marked"
fi | rule "every object of the library works with indirect branch tracking"

# The switch of stacks does not keep shadow stacks.
if [ "$(uname -m)" = x86_64 ]; then
    ar p "$build"/src/libeddy.a fiber_x86_64.S.o >"$build"/fiber.o
    readelf -nW "$build"/fiber.o | grep SHSTK
    rm -f "$build"/fiber.o
fi | rule "no program with eddy claims to work with shadow stacks"

exit $failed
