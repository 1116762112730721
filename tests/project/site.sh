#!/bin/sh
# The web site in Chromium: every page, on a phone's screen and a wide one, in light and dark, with
# and without JavaScript. Prints one line for each rule.
#
#     tests/project/site.sh [SITE]
#
# SITE is a site that was built before; without it one is made.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top" || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT

command -v chromium >/dev/null || {
    echo "ok the web site in a browser # SKIP there is no chromium"
    exit 0
}
site=${1:-$work/site}
[ $# -gt 0 ] || {
    python3 -B tools/docs/manual.py "$work/man" 0 include/eddy.h include/eddy/*.h &&
        python3 -B tools/docs/website.py . "$work/man" "$site"
} || {
    echo "not ok the web site can be built"
    exit 1
}
python3 -B tests/project/site_browser.py "$site"
