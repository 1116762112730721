# Read by the scripts beside it that check rules, with the arguments they were given themselves:
# goes to the top of the tree, and knows how to say that a rule is kept. $1: the build directory.
# shellcheck shell=sh disable=SC2034
set -u
build=
[ $# -eq 0 ] || build=$(cd "$1" && pwd) || exit 2
cd "$(dirname "$0")/../.." || exit 2
top=$PWD
failed=0

# Says how a rule is kept; what breaks it comes on standard input.
rule()
{
    broken=$(cat)
    if [ -z "$broken" ]; then
        echo "ok $1"
    else
        echo "not ok $1 - $(echo "$broken" | head -n 1)"
        echo "$broken" | sed 's/^/# /'
        failed=1
    fi
}
