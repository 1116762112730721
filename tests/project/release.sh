#!/bin/sh
# The addresses of the project stand in packaging/contact, and wherever a file demands one it is one
# of these. And a release is made of a clean tree, with one command. Prints one line for each.
# shellcheck disable=SC2317
set -u
cd "$(dirname "$0")/../.." || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
failed=0
check()
{
    name=$1
    shift
    if (set -e; "$@") >"$work/messages" 2>&1; then
        echo "ok $name"
    else
        echo "not ok $name - $(tail -n 1 "$work/messages")"
        sed 's/^/# /' "$work/messages"
        failed=1
    fi
}

addresses='[a-z.]*@[a-z.]*example\.org\|https://[a-z.]*example\.org'
agree()
{
    sed -n 's/^[a-z]*=//p' packaging/contact | grep -o "$addresses" | sort -u >"$work/known"
    git grep -hIo "$addresses" -- CMakeLists.txt '*.md' debian packaging .github tools 2>/dev/null |
        sort -u >"$work/used"
    [ -s "$work/used" ]
    comm -13 "$work/known" "$work/used" | sed 's/$/ is not in packaging\/contact/' >"$work/others"
    cat "$work/others"
    [ ! -s "$work/others" ]
}
maintainer()
{
    sed -n 's/^maintainer=//p' packaging/contact >"$work/maintainer"
    grep -qF "Maintainer: $(cat "$work/maintainer")" debian/control
    grep -qF -- "-- $(cat "$work/maintainer")" debian/changelog
    grep -qF "$(sed 's/ <.*//' "$work/maintainer")" LICENSE
}

# Succeeds if the command fails; "!" would not end a script with -e.
fails()
{
    if "$@"; then
        return 1
    fi
}

# A copy of what is committed, in a repository of its own.
released()
{
    git -c init.defaultBranch=main init -q "$work/copy"
    git ls-files -z --cached --others --exclude-standard | xargs -0 cp -a --parents -t "$work/copy"
    cd "$work/copy"
    git config user.name somebody
    git config user.email somebody@localhost
    git add -A
    git commit -qm "everything"
    version=$(sed -n 's/^project(eddy VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)

    fails tools/release 99.0.0 # another version than CMakeLists.txt's
    touch left-over
    fails tools/release "$version"
    rm left-over
    tools/release "$version" "$work/out"
    fails tools/release "$version" "$work/out" # there is such a tag
    git show --stat "v$version" | grep -F CHANGES.md
    grep "^## $version (20" CHANGES.md
    fails grep 'Not released yet' CHANGES.md
    head -n 1 debian/changelog | grep -F "eddy ($version-1) unstable"
    (cd "$work/out" && sha256sum -c "eddy-$version.tar.gz.sha256")
    tar -xzf "$work/out/eddy-$version.tar.gz" -C "$work/out"
    [ -e "$work/out/eddy-$version/include/eddy.h" ]
}

# The recipes that the release has filled in, as far as tools are here that read them.
recipes()
{
    cd "$work/out/recipes"
    fails grep -rn '@[A-Z0-9]*@' .
    sum=$(cut -d' ' -f1 "$work/out"/eddy-*.tar.gz.sha256)
    for recipe in arch/PKGBUILD nix/default.nix conan/conanfile.py homebrew/eddy.rb; do
        grep -qF "$sum" "$recipe"
    done
    bash -n arch/PKGBUILD
    sums=$(sh -euc '. ./alpine/APKBUILD; echo "$sha512sums"') # as abuild reads it
    (cd "$work/out" && echo "$sums" | grep . | sha512sum -c)
    python3 -c 'import ast, json, sys
for name in sys.argv[1:]:
    text = open(name).read()
    json.loads(text) if name.endswith(".json") else ast.parse(text)' \
        conan/conanfile.py conan/test_package/conanfile.py vcpkg/vcpkg.json
    ! command -v nix-instantiate >/dev/null || nix-instantiate --parse nix/default.nix
    ! command -v ruby >/dev/null || ruby -c homebrew/eddy.rb
    # what Arch's own tool understands of it
    ! command -v makepkg >/dev/null || [ "$(id -u)" = 0 ] ||
        (cd arch && makepkg --printsrcinfo | grep "sha256sums = $sum")
}

check "every address in the tree stands in packaging/contact" agree
check "the maintainer is the same everywhere" maintainer
if git rev-parse --git-dir >/dev/null 2>&1; then
    check "a release is a commit, a tag and a tarball, of a clean tree only" released
    check "and recipes for package managers, filled in" recipes
fi
exit $failed
