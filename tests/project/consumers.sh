#!/bin/sh
# A program outside of the tree uses eddy in each way that build systems offer: an installed eddy
# through CMake's find_package, Meson and plain make, with gcc and clang, static and shared, with
# link-time optimization, under AddressSanitizer; and eddy's source as a part of another CMake
# project.
# Prints one line for each.
#
#     tests/project/consumers.sh BUILD
# shellcheck disable=SC2317
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "$1" && pwd) || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix
failed=0
! command -v ninja >/dev/null || export CMAKE_GENERATOR=Ninja

check()
{
    name=$1
    shift
    if (set -e; "$@") >"$work/messages" 2>&1; then
        echo "ok $name"
    else
        reason=$(grep -m 1 -iE 'error|fail|not' "$work/messages" || tail -n 1 "$work/messages")
        echo "not ok $name - $reason"
        tail -n 30 "$work/messages" | sed 's/^/# /'
        failed=1
        return 1
    fi
}

cmake --install "$build" --prefix "$prefix" >/dev/null || { echo "not ok install"; exit 1; }
libdir=$(dirname "$(find "$prefix" -name libeddy.a)")
export PKG_CONFIG_PATH="$libdir/pkgconfig" LD_LIBRARY_PATH="$libdir"

mkdir "$work/hello" "$work/tested" "$work/within" "$work/fetched" "$work/meson" "$work/make" \
    "$work/wrong"
cat >"$work/hello.c" <<'END'
#include <eddy.h>
#include <stdio.h>

eddy_async(amain)
{
    eddy_try(eddy_sleep(0.001));
    puts("hello");
    return 0;
}

int main(void)
{
    return eddy_run(amain()) < 0;
}
END
for folder in hello tested within fetched meson make; do
    cp "$work/hello.c" "$work/$folder/"
done

says_hello()
{
    [ "$("$1")" = hello ]
}
uses()
{
    if readelf -d "$2" | grep NEEDED | grep -q libeddy; then
        [ "$1" = shared ]
    else
        [ "$1" = static ]
    fi
}

# with_cmake FOLDER KIND OPTION…: configures, builds, runs hello, and looks at how it is linked.
with_cmake()
{
    folder=$1
    kind=$2
    shift 2
    rm -rf "$work/out"
    cmake -S "$work/$folder" -B "$work/out" "-DCMAKE_PREFIX_PATH=$prefix" "$@"
    cmake --build "$work/out"
    says_hello "$work/out/hello"
    uses "$kind" "$work/out/hello"
}

cat >"$work/hello/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.20)
project(hello C)
find_package(eddy 0.1 REQUIRED)
add_executable(hello hello.c)
target_link_libraries(hello PRIVATE eddy::eddy)
END
check "find_package: eddy::eddy is the shared library" with_cmake hello shared
check "find_package: BUILD_SHARED_LIBS=OFF takes the static one" with_cmake hello static \
    -DBUILD_SHARED_LIBS=OFF
check "find_package: with link-time optimization" with_cmake hello static -DBUILD_SHARED_LIBS=OFF \
    -DCMAKE_BUILD_TYPE=Release -DCMAKE_INTERPROCEDURAL_OPTIMIZATION=ON
check "find_package: an AddressSanitizer program with a plain library" with_cmake hello shared \
    "-DCMAKE_C_FLAGS=-fsanitize=address,undefined -fno-sanitize-recover=all"
if command -v clang >/dev/null; then
    check "find_package: with clang" with_cmake hello shared -DCMAKE_C_COMPILER=clang
fi

components()
{
    cp "$top"/examples/testing/bank* "$work/tested/"
    cat >"$work/tested/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.20)
project(tested C)
find_package(eddy REQUIRED COMPONENTS test)
add_executable(hello hello.c)
target_link_libraries(hello PRIVATE eddy::eddy)
add_executable(bank-test bank_test.c bank.c)
target_link_libraries(bank-test PRIVATE eddy::test)
if(TARGET eddy::curl)
    target_link_libraries(hello PRIVATE eddy::curl)
endif()
END
    with_cmake tested shared
    "$work/out/bank-test"
}
check "find_package: eddy::test and eddy::curl" components

# Succeeds if the command fails; "!" would not end a script with -e.
fails()
{
    if "$@"; then
        return 1
    fi
}

# refused SENTENCE LINE: a project with this line is refused with this sentence.
refused()
{
    printf 'cmake_minimum_required(VERSION 3.20)\nproject(wrong C)\n%s\n' "$2" \
        >"$work/wrong/CMakeLists.txt"
    rm -rf "$work/out"
    fails cmake -S "$work/wrong" -B "$work/out" "-DCMAKE_PREFIX_PATH=$prefix"
    cmake -S "$work/wrong" -B "$work/out" "-DCMAKE_PREFIX_PATH=$prefix" 2>&1 | tr -s ' \n' ' ' |
        grep -F "$1"
}
check "find_package: a later version is refused" refused 'eddyConfig.cmake, version: 0.1.0' \
    'find_package(eddy 0.2 REQUIRED)'
check "find_package: an unknown component is refused, with those that exist" refused \
    'component tsl: there is no such component; there are shared, static, test and curl' \
    'find_package(eddy REQUIRED COMPONENTS tsl)'

# Eddy's source within another project, which has targets of names that eddy's examples use.
within='cmake_minimum_required(VERSION 3.20)
project(within C)
%s
foreach(name http-server bank loadgen echo-server test-programs uninstall lib)
    add_custom_target(${name})
endforeach()
add_executable(hello hello.c)
target_link_libraries(hello PRIVATE eddy::eddy)
if(NOT TARGET eddy::test)
    message(FATAL_ERROR "no eddy::test")
endif()
get_property(tests DIRECTORY PROPERTY TESTS)
if(tests OR CMAKE_BUILD_TYPE)
    message(FATAL_ERROR "eddy has changed the project around it")
endif()
'
# shellcheck disable=SC2059
printf "$within" "add_subdirectory($top eddy)" >"$work/within/CMakeLists.txt"
# shellcheck disable=SC2059
printf "$within" "include(FetchContent)
FetchContent_Declare(eddy SOURCE_DIR $top)
FetchContent_MakeAvailable(eddy)" >"$work/fetched/CMakeLists.txt"
bare="-DEDDY_WITH_URING=OFF -DEDDY_WITH_TLS=OFF -DEDDY_WITH_CARES=OFF -DEDDY_WITH_CURL=OFF"
bare="$bare -DCMAKE_C_FLAGS=-O0"
# shellcheck disable=SC2086
check "add_subdirectory: eddy::eddy is the static library" with_cmake within static $bare
nothing_else()
{
    [ -z "$(find "$work/out" -name 'libeddy_test*' -o -name 'libeddy.so*' -o -name eddy-fetch)" ]
}
check "add_subdirectory: targets that are not linked with are not built" nothing_else
# shellcheck disable=SC2086
check "FetchContent with BUILD_SHARED_LIBS=ON: eddy::eddy is the shared library" \
    with_cmake fetched shared $bare -DBUILD_SHARED_LIBS=ON

with_meson()
{
    cat >"$work/meson/meson.build" <<'END'
project('hello', 'c')
executable('hello', 'hello.c', dependencies: dependency('eddy'))
END
    meson setup "$work/meson/out" "$work/meson"
    meson compile -C "$work/meson/out"
    says_hello "$work/meson/out/hello"
}
if command -v meson >/dev/null; then
    check "Meson: dependency('eddy')" with_meson
else
    echo "ok Meson: dependency('eddy') # skip meson is not installed"
fi

with_make()
{
    cat >"$work/make/Makefile" <<'END'
CFLAGS += $(shell pkg-config --cflags eddy)
LDLIBS += $(shell pkg-config --libs eddy)
hello: hello.c
END
    make -C "$work/make" "CC=$1"
    says_hello "$work/make/hello"
    rm "$work/make/hello"
}
check "make, with what pkg-config says" with_make cc
! command -v clang >/dev/null || check "make, with clang" with_make clang

# What is missing is named.
without()
{
    rm -rf "$work/out"
    PKG_CONFIG_LIBDIR=/nowhere
    PKG_CONFIG_PATH=
    export PKG_CONFIG_LIBDIR PKG_CONFIG_PATH
    fails cmake -S "$top" -B "$work/out" 2>"$work/reason"
    tr -s ' \n' ' ' <"$work/reason" >"$work/sentence"
    grep -F 'eddy needs liburing, which pkg-config does not find.' "$work/sentence"
    grep -F 'apt install liburing-dev), or do without: cmake -DEDDY_WITH_URING=OFF' "$work/sentence"
}
check "a missing package is named, and the option that does without it" without

# unsupported SENTENCE OPTION…: configuring ends with this sentence.
unsupported()
{
    sentence=$1
    shift
    rm -rf "$work/out"
    # shellcheck disable=SC2086
    fails cmake -S "$top" -B "$work/out" $bare "$@" 2>"$work/reason"
    tr -s ' \n' ' ' <"$work/reason" | grep -F "$sentence"
}
check "a C library that is not supported: one sentence says which are" unsupported \
    'eddy runs on Linux with the GNU C library (glibc) or musl; this compiler uses another' \
    -DCMAKE_C_FLAGS=-D__UCLIBC__
if command -v musl-gcc >/dev/null; then
    check "another CPU with musl: one sentence says which are supported" unsupported \
        'lacks makecontext(), eddy runs on x86-64 and AArch64 only' -DEDDY_PORTABLE_FIBER=ON \
        -DCMAKE_TOOLCHAIN_FILE="$top/cmake/musl.cmake"
else
    echo "ok another CPU with musl: one sentence says which are supported # skip no musl-gcc"
fi

uninstalled()
{
    rm -rf "$work/gone"
    cmake --install "$build" --prefix "$work/gone" >/dev/null
    sed "s,^$prefix,$work/gone," "$build/install_manifest.txt" >"$work/manifest"
    cmake -D "MANIFEST=$work/manifest" -P "$top/cmake/uninstall.cmake"
    [ -z "$(find "$work/gone" ! -type d)" ]
    [ ! -d "$work/gone/include/eddy" ]
}
check "uninstalling leaves nothing" uninstalled
no_paths()
{
    ! strings "$libdir/libeddy.so" | grep -F "$top/src"
}
check "the library does not name the folder that it was built in" no_paths
exit $failed
