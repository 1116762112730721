#!/bin/sh
# Checks the models of what threads do to each other, all interleavings, with Spin; and that each
# model would notice: every mutation that a model names must make it fail. Prints a line for each.
#
#     tests/model/models.sh
set -u
cd "$(dirname "$0")" || exit 2
if ! command -v spin >/dev/null; then
    echo "ok models # skip Spin is not installed"
    exit 0
fi
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
failed=0

# How many errors Spin finds in a model; $2 is a mutation, or empty. All states of a model are worth
# an optimized program and a large table; a mutation is noticed in less time than that takes.
errors()
{
    optimize=-O2 bits=24
    [ -z "$2" ] || optimize=-O0 bits=18
    cp "$1" "$work/model.pml"
    (
        cd "$work" && spin ${2:+"-D$2"} -a model.pml &&
            ${CC:-cc} $optimize -DSAFETY -o pan pan.c && ./pan -m100000 "-w$bits"
    ) >"$work/log" 2>&1
    sed -n 's/.*errors: \([0-9]*\).*/\1/p' "$work/log"
}

say()
{
    if [ "$1" = yes ]; then
        echo "ok $2"
    else
        echo "not ok $2 - $3"
        sed 's/^/# /' "$work/log"
        failed=1
    fi
}

for model in *.pml; do
    name=$(basename "$model" .pml)
    n=$(errors "$model" "")
    [ "${n:-none}" = 0 ] && ! grep -q 'max search depth too small' "$work/log" && ok=yes || ok=no
    say "$ok" "model $name holds in all interleavings" "Spin has found one in which it does not"
    # shellcheck disable=SC2013 # words are what is wanted
    for mutation in $(sed -n 's/^ \* mutation: \([A-Z_]*\).*/\1/p' "$model"); do
        n=$(errors "$model" "$mutation")
        [ "${n:-0}" -gt 0 ] && ok=yes || ok=no
        say "$ok" "model $name notices $mutation" "nothing was found"
    done
done
exit $failed
