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
tab=$(printf '\t')

# Compiles files with the same options: a line of options, a tab, and the files. clang starts for
# twice as long as it reads a file, so one compiler gets them all; but clang itself would start one
# for each, and is only asked for the command. Of assembly its own assembler is to make something.
check()
{
    options="-Werror -Wno-unused-command-line-argument ${1%%"$tab"*}"
    files=${1#*"$tab"}
    first=${files%% *}
    case $first in
    *.S)
        for file in $files; do
            eval "clang $options -c $file -o /dev/null"
        done
        return
        ;;
    esac
    command=$(eval "clang $options -fsyntax-only -c $first -###" 2>&1 | grep '"-cc1"') || {
        eval "clang $options -fsyntax-only -c $first"
        echo "error: no command for $first"
        return
    }
    eval "${command% *} $files" # its last word is the file
}

if [ "$1" = --one ]; then
    check "$2"
    exit
fi

# Without the names of object files and of places in messages, and options that only gcc knows. The
# library is compiled again for the tests: once is enough.
output=$(sed -n '/-DEDDY_FAULTS/d; s/^ *"command": "\(.*\)",$/\1/p' "$1/compile_commands.json" |
    sed 's/\\"/"/g; s/\\\\/\\/g; s/ -o [^ ]*\.o / /; s/ -mmem[a-z]*-strategy=[^ ]*//g
        s/ -ffile-prefix-map=[^ ]*//g; s/^[^ ]* //; s/\(.*\) -c \(.*\)/\1\t\2/' |
    awk -F '\t' '
        { kind = $2; sub(/.*\./, "", kind); key = kind $1 }
        !(key in files) { files[key] = $1 FS $2; next }
        { files[key] = files[key] " " $2 }
        ++n[key] % 50 == 49 { print files[key]; delete files[key] }
        END { for (key in files) print files[key] }' |
    xargs -P "$(nproc)" -d '\n' -n 1 "$0" --one 2>&1)
if [ -z "$output" ]; then
    echo "ok clang has nothing to warn of"
else
    echo "not ok clang has nothing to warn of - $(echo "$output" | grep -m 1 -E 'error|warning')"
    echo "$output" | head -n 40 | sed 's/^/# /'
    exit 1
fi
