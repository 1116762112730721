#!/bin/sh
# The recipe for Arch, with Debian's makepkg: builds a release of what is here, and packs it. Prints
# one line for each promise.
#
#     tests/project/recipes.sh
set -u
cd "$(dirname "$0")/../.." || exit 2
command -v makepkg >/dev/null || {
    echo "ok the recipe for Arch # skip there is no makepkg"
    exit 0
}
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT

# A copy of what is here, and its release, in folders that another user may read: makepkg refuses to
# be run by root.
git -c init.defaultBranch=main init -q "$work/copy"
git ls-files -z --cached --others --exclude-standard | xargs -0 cp -a --parents -t "$work/copy"
version=$(sed -n 's/^project(eddy VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
(
    cd "$work/copy" || exit
    git config user.name somebody
    git config user.email somebody@localhost
    git add -A
    git commit -qm "everything"
    tools/release "$version" "$work/out"
) >"$work/log" 2>&1 || {
    echo "not ok the recipe for Arch - there is no release: $(tail -n 1 "$work/log")"
    exit 1
}
cp "$work/out/eddy-$version.tar.gz" "$work/out/recipes/arch/"
chmod 755 "$work"
as_user=
if [ "$(id -u)" = 0 ]; then
    chown -R nobody "$work/out"
    as_user="setpriv --reuid=nobody --regid=nogroup --clear-groups"
fi
# shellcheck disable=SC2086 # a list of words
if (cd "$work/out/recipes/arch" && HOME=$work/out $as_user makepkg --nodeps --noconfirm) \
    >"$work/log" 2>&1; then
    echo "ok makepkg builds the recipe for Arch"
else
    echo "not ok makepkg builds the recipe for Arch - $(tail -n 1 "$work/log")"
    tail -n 20 "$work/log" | sed 's/^/# /'
    exit 1
fi
files=$(bsdtar -tf "$work/out/recipes/arch"/eddy-*.pkg.tar* 2>>"$work/log")
failed=0
for file in usr/include/eddy.h usr/lib/libeddy.so usr/lib/pkgconfig/eddy.pc usr/bin/eddy \
    usr/share/licenses/eddy/LICENSE .PKGINFO; do
    echo "$files" | grep -qx "$file" && echo "ok its package has $file" && continue
    echo "not ok its package has $file"
    failed=1
done
exit $failed
