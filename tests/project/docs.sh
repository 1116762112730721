#!/bin/sh
# What the guides in docs/ show as C is what the examples hold, line by line, so that it is built
# and run. A block that shows only a call or two within a sentence stands in `backquotes` instead.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top" || exit 2
failed=0
for guide in docs/*.md; do
    broken=$(perl -0777 -e '
        my ($guide, @sources) = @ARGV;
        my @texts = map { local @ARGV = ($_); scalar <> } @sources;
        local @ARGV = ($guide);
        my $text = <>;
        while ($text =~ /^```c\n(.*?)^```$/msg) {
            my $block = $1;
            print((split /\n/, $block)[0], "\n") unless grep { index($_, $block) >= 0 } @texts;
        }' "$guide" $(git ls-files -co --exclude-standard 'examples/*.c' 'examples/*.h' 2>/dev/null || find examples -name '*.[ch]'))
    if [ -z "$broken" ]; then
        echo "ok $guide shows what the examples hold"
    else
        echo "not ok $guide shows what the examples hold - not in any example: $(echo "$broken" | head -n 1)"
        echo "$broken" | sed 's/^/# /'
        failed=1
    fi
done
exit $failed
