#!/bin/sh
# The documentation that tools/docs makes of the headers and of docs/: every public name has a
# manual page, the pages are without mistakes, and the web site has no link that leads nowhere.
# Prints one line for each rule.
#
#     tests/project/manual.sh
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top" || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
failed=0

for tool in mandoc lowdown pygmentize; do
    command -v $tool >/dev/null || {
        echo "ok the documentation # SKIP there is no $tool; tools/install-deps.sh docs"
        exit 0
    }
done

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

guides=$(find docs -maxdepth 1 -name '*.md'; find docs/guides -name '*.md' 2>/dev/null)

# shellcheck disable=SC2086 # a list of files
{
    python3 -B tools/docs/manual.py "$work/man" 0 include/eddy.h include/eddy/*.h &&
        python3 -B tools/docs/concepts.py "$work/man" 0 $guides
} 2>&1 | rule "every public declaration has a comment"

# That rule notices a declaration without one.
mkdir -p "$work/include/eddy"
cp include/eddy/version.h "$work/include/eddy/"
echo '
EDDY_API int eddy_unheard_of(int x);' >>"$work/include/eddy/version.h"
if python3 -B tools/docs/manual.py "$work/no" 0 "$work/include/eddy/version.h" 2>&1 |
    grep -q 'version.h: eddy_unheard_of'; then
    echo "ok a declaration without a comment is noticed"
else
    echo "not ok a declaration without a comment is noticed"
    failed=1
fi

# The names as the preprocessor sees them, which knows nothing of comments.
{
    echo '#include <eddy.h>'
    echo '#include <eddy/curl.h>'
    echo '#include <eddy/test.h>'
} >"$work/all.c"
{
    ${CC:-cc} -Iinclude -E -P "$work/all.c"
    ${CC:-cc} -Iinclude -E -dM "$work/all.c" | sed -n 's/^#define \([A-Za-z0-9_]*\).*/\1/p'
} | grep -o -w '\(eddy\|EDDY\)_[A-Za-z0-9_]*' | sort -u |
    grep -v '^EDDY_\([A-Z_]*_\)\?H$' >"$work/names"
[ "$(wc -l <"$work/names")" -gt 500 ] || echo "there are few names" >>"$work/names"
while read -r name; do
    [ -e "$work/man/man3/$name.3" ] || echo "$name"
done <"$work/names" | rule "every public name has a manual page"

# A function that the headers declare can be linked with: the library exports it.
PYTHONPATH=tools/docs python3 -B - include/eddy.h include/eddy/*.h <<'END' | rule \
    "every documented function is exported"
import re
import sys

import headers

paths = [p for p in sys.argv[1:] if not p.endswith(('/curl.h', '/test.h'))]
with open('src/eddy.map', encoding='utf-8') as f:
    exported = set(re.findall(r'^    (\w+);', f.read(), re.M))
for name, function in headers.read(paths)[1].items():
    if 'static inline' not in function.raw and name not in exported:
        print(name)
END

find "$work/man" -type f -name '*.[37]' -exec mandoc -Tlint -W warning {} + 2>&1 |
    sed "s,$work/man/,," | rule "the manual pages have no mistakes"
mandoc -Tlint -W warning tools/*/*.1 2>&1 |
    rule "those of the programs have no mistakes"

python3 -B tools/docs/website.py . "$work/man" "$work/site" 2>&1 | rule "the web site can be built"
python3 -B tests/project/site_links.py "$work/site" |
    rule "its links lead to pages, and every page is three clicks from the first"
exit $failed
