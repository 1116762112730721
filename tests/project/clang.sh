#!/bin/sh
# clang has nothing to warn of in the library, the tools and the examples: the commands of BUILD's
# compile_commands.json, for their warnings alone.
#
#     tests/project/clang.sh BUILD
set -u

if ! command -v clang >/dev/null; then
    echo "ok clang has nothing to warn of # skip there is no clang"
    exit 0
fi

# One command; of assembly clang's own assembler is to make something.
check()
{
    what="-fsyntax-only"
    case $1 in
    *.S) what="-o /dev/null" ;;
    esac
    eval "clang -Werror -Wno-unused-command-line-argument ${1#* } $what"
}

if [ "$1" = --one ]; then
    check "$2"
    exit
fi

# Without the names of object files, and options that only gcc knows. The library is compiled again
# for the tests: once is enough.
output=$(sed -n '/-DEDDY_FAULTS/d; s/^ *"command": "\(.*\)",$/\1/p' "$1/compile_commands.json" |
    sed 's/\\"/"/g; s/\\\\/\\/g; s/ -o [^ ]*\.o / /; s/ -mmem[a-z]*-strategy=[^ ]*//g' |
    xargs -P "$(nproc)" -d '\n' -n 1 "$0" --one 2>&1)
if [ -z "$output" ]; then
    echo "ok clang has nothing to warn of"
else
    echo "not ok clang has nothing to warn of - $(echo "$output" | grep -m 1 -E 'error|warning')"
    echo "$output" | head -n 40 | sed 's/^/# /'
    exit 1
fi
