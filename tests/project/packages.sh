#!/bin/sh
# Debian's packages of what is here, on a Debian 12 that has nothing but them: builds them, has
# lintian look at them, installs them with apt into a folder that debootstrap has made, runs their
# own tests there (debian/tests, with autopkgtest), and follows README's way from the source to a
# first program. Prints one line for each promise.
#
#     tests/project/packages.sh
#
# Needs root and a mirror of Debian. It may be interrupted and started again: steps that have passed
# for the same source are not repeated. In the end only the fresh Debian is kept, packed, in
# build-check/packages.
set -u
cd "$(dirname "$0")/../.." || exit 2
top=$PWD
work=$top/build-check/packages
root=$work/root

skip()
{
    echo "ok the packages on a bare Debian # skip $1"
    exit 0
}
for program in debootstrap dpkg-buildpackage lintian unshare; do
    command -v "$program" >/dev/null || skip "there is no $program"
done
[ "$(id -u)" = 0 ] || skip "only root can do this"
unshare --mount true 2>/dev/null || skip "nothing can be mounted here"

# What the results are of.
mkdir -p "$work"
chmod 755 "$work"
identity=$({ git rev-parse HEAD && git diff HEAD; } | cksum)
if [ "$(cat "$work/identity" 2>/dev/null)" != "$identity" ]; then
    find "$work" -mindepth 1 -maxdepth 1 ! -name bookworm.tar ! -name archives \
        -exec rm -rf {} +
    echo "$identity" >"$work/identity"
fi

# step NAME PROMISE: runs the function of that name, unless it has passed before.
step()
{
    if [ -e "$work/$1.passed" ]; then
        cat "$work/$1.passed"
        return 0
    fi
    (
        set -e
        "$1"
    ) >"$work/$1.log" 2>&1
    # not in the condition itself, where "set -e" would do nothing
    # shellcheck disable=SC2181
    if [ $? = 0 ]; then
        echo "ok $2$(grep '^took ' "$work/$1.log" | tail -n 1 | sed 's/^/: /')" |
            tee "$work/$1.passed"
    else
        echo "not ok $2 - $(grep -E '^(E:|W:|.*[Ee]rror)' "$work/$1.log" | tail -n 1)"
        tail -n 40 "$work/$1.log" | sed 's/^/# /'
        exit 1
    fi
}

# inside COMMAND…: runs a command in the bare Debian, with the kernel's file systems and the
# packages that apt has fetched before; all of these vanish with the command however it ends.
inside()
{
    mkdir -p "$work/archives/partial"
    # shellcheck disable=SC2016 # for the other shell
    unshare --mount --pid --fork --kill-child sh -c '
        root=$1
        mount --bind "$2" "$root/var/cache/apt/archives" || exit
        shift 2
        mount -t proc proc "$root/proc" && mount -t tmpfs tmpfs "$root/tmp" &&
            mount --rbind /dev "$root/dev" && mount -t sysfs -o ro sysfs "$root/sys" &&
            exec chroot "$root" env -i HOME=/root TERM=dumb LC_ALL=C.UTF-8 \
                PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
                DEBIAN_FRONTEND=noninteractive "$@"' sh "$root" "$work/archives" "$@"
}

# A copy of the source as a clone has it.
copy_source()
{
    rm -rf "$1"
    mkdir -p "$1"
    git ls-files -z --cached --others --exclude-standard |
        xargs -0 cp -a --parents --target-directory="$1"
}

build()
{
    copy_source "$work/source/eddy"
    cd "$work/source/eddy"
    dpkg-buildpackage -us -uc -b -j"$(nproc)"
    mkdir -p "$work/debs"
    mv ../*.deb ../*.changes ../*.buildinfo "$work/debs/"
    ls "$work/debs/"*.deb
    cd "$top"
    rm -rf "$work/source"
}

look()
{
    lintian --allow-root --fail-on error,warning "$work"/debs/*.changes
}

# The bare Debian, fetched once and packed, and its sources of packages: this machine's.
unpack()
{
    if [ ! -e "$work/bookworm.tar" ]; then
        rm -rf "$work/fresh"
        debootstrap --variant=minbase bookworm "$work/fresh"
        tar -C "$work/fresh" -cf "$work/bookworm.part" .
        mv "$work/bookworm.part" "$work/bookworm.tar"
        rm -rf "$work/fresh"
    fi
    rm -rf "$root"
    mkdir "$root"
    tar -C "$root" -xf "$work/bookworm.tar"
    cp /etc/resolv.conf /etc/hosts "$root/etc/"
    cp -r /etc/apt/apt.conf.d/99* "$root/etc/apt/apt.conf.d/" 2>/dev/null || :
    inside apt-get -q update
}

install()
{
    mkdir -p "$root/debs"
    cp "$work"/debs/*.deb "$root/debs/"
    inside sh -c 'apt-get -q -y install --no-install-recommends /debs/*.deb'
    inside sh -c 'eddy info && eddy-fetch --version && python3 -c "import eddyloop"'
    inside sh -c 'ls /usr/share/bash-completion/completions/eddy /usr/share/man/man1/eddy.1.gz \
        /usr/share/doc/libeddy-doc'
}

# In the bare Debian as the system under test: it is thrown away afterwards.
own_tests()
{
    rm -rf "$root/source"
    copy_source "$root/source"
    inside apt-get -q -y install --no-install-recommends autopkgtest
    inside autopkgtest --no-built-binaries /source -- null
}

# What README tells a newcomer to type, without sudo, which root does not need. The time is that of
# the processor, so that it is the same while others use the machine.
first_program()
{
    unpack
    rm -rf "$root/source"
    copy_source "$root/source"
    awk '
        /^## Your first program/ { here = 1 }
        /^## Try it/ { here = 0 }
        /^```/ { typed = here && $0 == "```sh"; next }
        typed { sub(/^sudo /, ""); print }
        here && /^[$] cc / { sub(/^[$] /, ""); print }' README.md >"$root/source/typed"
    awk '/^```/ { n++; next } n == 1' README.md >"$root/source/hello.c"
    cat "$root/source/typed"
    [ "$(grep -c . "$root/source/typed")" = 6 ]
    inside sh -c 'cd /source && sh -ex typed && ./hello >said && times >took'
    printf 'hello\nworld\n' | diff - "$root/source/said"
    cat "$root/source/took"
    took=$(tail -n 1 "$root/source/took" | tr 'ms' '  ' |
        awk '{ print int($1 * 60 + $2 + $3 * 60 + $4) }')
    echo "took $took s of processor time"
    [ "$took" -lt 300 ]
}

step build "dpkg-buildpackage builds the packages"
step look "lintian has neither errors nor warnings"
step unpack "debootstrap makes a bare Debian 12"
step install "apt installs the packages there, and their programs run"
step own_tests "their own tests pass there: hello by each build system, the tools"
step first_program "README leads from the source to a first program in five minutes"
rm -rf "$root" "$work/debs" "$work/archives"
