#!/bin/sh
# `make demo` and `make check` for a person who only looks: they name what they will install before
# they do, and the demo builds no more than it runs. Prints one line for each promise.
#
#     tests/project/demo.sh BUILD
# shellcheck disable=SC2317
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "$1" && pwd) || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$top" || exit 2
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
    fi
}

# A Debian on which the packages of $work/missing are not installed, and on which apt-get notes
# what had been printed by the time it was called.
mkdir "$work/bin"
cat >"$work/bin/dpkg-query" <<END
#!/bin/sh
grep -qxF "\$4" "$work/missing" || echo "install ok installed"
END
cat >"$work/bin/apt-get" <<END
#!/bin/sh
cat "$work/printed" >"$work/printed-before"
echo "\$*" >>"$work/apt-get"
END
printf '#!/bin/sh\necho 0\n' >"$work/bin/id"
chmod +x "$work/bin"/*

# Asks for the packages of a set, with those of the other arguments missing.
install_deps()
{
    set=$1
    shift
    printf '%s\n' "$@" >"$work/missing"
    rm -f "$work/apt-get" "$work/printed-before"
    PATH=$work/bin:$PATH tools/install-deps.sh "$set" >"$work/printed" 2>&1 </dev/null
}
names_before_installing()
{
    install_deps check valgrind spin || return 1
    grep -q 'make check' "$work/printed-before" && grep -q valgrind "$work/printed-before" &&
        grep -q 'install .* valgrind spin$' "$work/apt-get"
}
says_nothing()
{
    install_deps base && [ ! -s "$work/printed" ] && [ ! -e "$work/apt-get" ]
}

# As above, at a terminal, where ANSWER is typed.
at_a_terminal()
{
    echo spin >"$work/missing"
    rm -f "$work/apt-get"
    : >"$work/printed"
    echo "$1" | PATH=$work/bin:$PATH script -qec "tools/install-deps.sh check" /dev/null
}
heeds_no()
{
    ! at_a_terminal n && [ ! -e "$work/apt-get" ]
}
heeds_yes()
{
    at_a_terminal y && [ -e "$work/apt-get" ]
}

demo()
{
    make -s demo BUILD="$build" >"$work/demo" 2>&1
}
is_short()
{
    [ "$(wc -l <"$work/demo")" -le 60 ] && grep -q '^300 URLs: ' "$work/demo"
}
builds_two_programs()
{
    ninja -C "$build" -t inputs http-server eddy-fetch >"$work/inputs" || return 1
    ! grep -E '_test|harness|testkit|^bench/|libeddy\.so' "$work/inputs"
}

check "what will be installed is named before it is" names_before_installing
check "where nothing is missing, nothing is printed" says_nothing
if command -v script >/dev/null; then
    check "at a terminal, no means no" heeds_no
    check "at a terminal, yes means yes" heeds_yes
fi
check "make demo runs" demo && check "and prints little" is_short
[ ! -e "$build/build.ninja" ] || check "it builds the two programs, and no test" builds_two_programs
exit $failed
