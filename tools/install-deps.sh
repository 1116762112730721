#!/bin/sh
# Installs the Debian 12 packages that a command of the Makefile needs (as root, or with sudo), and
# names them before it does. From a terminal it asks first.
#
#     tools/install-deps.sh base|docs|check|full|bench
#
# base: to build eddy and run the demo; docs: for `make docs`, and for the manual pages; check: for
# `make check`, with both of these; full: also for `make check-full`; bench: for `make bench`, the
# peers that eddy is compared with. Where all of the packages are installed nothing is printed and
# no network is needed.
set -eu

base="build-essential cmake pkg-config liburing-dev libssl-dev libc-ares-dev libcurl4-openssl-dev
libjansson-dev node-llhttp"
docs="lowdown mandoc python3 python3-pygments"
examples="libhiredis-dev redis-tools libpq-dev postgresql libwslay-dev python3-websockets
libglib2.0-dev"
check="ninja-build mold abigail-tools meson clang libclang-rt-14-dev gdb valgrind spin nginx-light
openssl curl ca-certificates netcat-openbsd dnsmasq-base bind9-dnsutils socat wrk python3
python3-dev libpython3.11-testsuite python3-pip python3-mypy python3-aiohttp python3-uvicorn
python3-httptools gunicorn python3-websockets python3-httpx python3-tornado python3-redis
python3-zmq python3-pytest $examples"
full="gcovr makepkg libarchive-tools fakeroot zstd nix-bin debootstrap debhelper dh-python
libpython3-dev lintian
gcc-aarch64-linux-gnu libc6-dev-arm64-cross
gcc-riscv64-linux-gnu libc6-dev-riscv64-cross gcc-s390x-linux-gnu libc6-dev-s390x-cross qemu-user
gcc-i686-linux-gnu libc6-dev-i386-cross musl-tools
libuv1-dev libevent-dev chromium fonts-dejavu-core
python3-asyncssh python3-asyncpg python3-psycopg"
bench="ninja-build python3 libuv1-dev libhttp-parser-dev libev-dev libst-dev libboost-context-dev
libboost-coroutine-dev libboost-fiber-dev libboost-system-dev golang-go librust-tokio-dev cargo
python3-uvloop nginx-light libnginx-mod-stream nodejs openssl haproxy curl aria2 strace"

case ${1:-} in
base) command="make demo" wanted=$base ;;
docs) command="make docs" wanted="$base $docs" ;;
check) command="make check" wanted="$base $docs $check" ;;
full) command="make check-full" wanted="$base $docs $check $full" ;;
bench) command="make bench" wanted="$base $bench" ;;
*)
    sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p;}' "$0"
    exit 2
    ;;
esac

if ! command -v dpkg-query >/dev/null; then
    echo "install-deps: this is not Debian; please install these packages, or their equivalents:" \
        "$wanted" >&2
    exit 0
fi

missing=
for package in $wanted; do
    state=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) || state=
    [ "$state" = "install ok installed" ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

sudo=
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "install-deps: missing:$missing. Install them, or run this as root." >&2
        exit 1
    fi
    sudo=sudo
fi

echo "\`$command\` needs these Debian packages, which ${sudo:+$sudo }apt-get will install:"
echo "   $missing" | fold -s -w 100
if [ -t 0 ]; then
    printf 'Go on? [Y/n] '
    read -r answer || answer=no
    case $answer in
    [nN]*) exit 1 ;;
    esac
fi

# What apt-get prints is shown if it fails.
log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt()
{
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get -q "$@" >"$log" 2>&1 </dev/null || {
        tail -n 20 "$log" >&2
        exit 1
    }
}
apt update

# The tests make a PostgreSQL of their own: the package shall not make one, and start it.
case $missing in
*postgresql*)
    settings=/etc/postgresql-common/createcluster.d
    trap 'rm -f "$log"; $sudo rm -f "$settings/tests.conf"' EXIT
    $sudo mkdir -p "$settings"
    echo 'create_main_cluster = false' | $sudo tee "$settings/tests.conf" >/dev/null
    ;;
esac
# shellcheck disable=SC2086 # a list of words
apt install -y --no-install-recommends $missing

# The tests start an nginx of their own; the one of the system shall not begin to serve because of
# them.
case $missing in
*nginx*)
    if [ -d /run/systemd/system ]; then
        $sudo systemctl disable --now nginx || true
    fi
    ;;
esac
