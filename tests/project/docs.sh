#!/bin/sh
# Checks the guides in docs/.
#
# What they show as C is what the examples hold, line by line, so that it is built and run. A block
# that shows only a call or two within a sentence stands in `backquotes` instead.
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
        }' "$guide" $(git ls-files -co --exclude-standard 'examples/*.c' 'examples/*.h' \
            2>/dev/null || find examples -name '*.[ch]'))
    if [ -z "$broken" ]; then
        echo "ok $guide shows what the examples hold"
    else
        echo "not ok $guide shows what the examples hold - not in any example: $(echo "$broken" |
            head -n 1)"
        echo "$broken" | sed 's/^/# /'
        failed=1
    fi
done

# "(rule N)" leads to docs/semantics.md, and that leads to tests which exist.
sources()
{
    git ls-files -co --exclude-standard 2>/dev/null || find . -type f -not -path './build*' |
        sed 's,^\./,,'
}
broken=$(sources | grep -E '\.(c|h|S|md|py|sh)$' | perl -e '
    sub text {
        local @ARGV = ($_[0]);
        local $/;
        my $t = -f $_[0] ? <> : undef;
        defined $t ? $t : ""
    }

    # Citations: "rule 7", "rules 1 to 8 and 15", "rules 30, 45"; also across lines of a comment.
    my ($rules, %rule, %cited) = (text("docs/semantics.md"));
    while (my $file = <STDIN>) {
        chomp $file;
        next if $file eq "docs/semantics.md";
        (my $t = text($file)) =~ s/\n\s*(\*|#|\/\/)?\s*/ /g;
        while ($t =~ /(RFC \d+, )?\brules? (\d+[a-z]?(?:(?:, | and | to |, and )\d+[a-z]?)*)/g) {
            $cited{$_} //= $file for $1 ? () : $2 =~ /\d+[a-z]?/g;
        }
    }

    for (split /\n(?=\*\*)/, $rules) {
        my ($n, $rest) = /^\*\*(\d+[a-z]?)\.\*\* (.*)/s or next;
        print "docs/semantics.md: rule $n stands there twice\n" if $rule{$n}++;
        $rest =~ s/\n## .*//s;
        print "docs/semantics.md: rule $n has neither a test nor the reason why it has none\n"
            unless $rest =~ /\n- / || $rest =~ /\*(Differs|Does\s+not\s+apply|No\s+test):\*/;
        while ($rest =~ /^- `([^`]*)`: (.*?)(?=^- |\z)/msg) {
            my ($file, $names) = ($1, $2);
            my $t = text("tests/$file")
                or print "docs/semantics.md: rule $n: there is no tests/$file\n";
            $t and $t !~ /^[A-Z_]+\($_[,)]/m
                and print "docs/semantics.md: rule $n: tests/$file has no test $_\n"
                for $names =~ /`([^`]*)`/g;
        }
    }
    print "docs/semantics.md has no rule $_, which $cited{$_} cites\n"
        for grep { !$rule{$_} } sort keys %cited;')
if [ -z "$broken" ]; then
    echo "ok the numbered rules lead to tests"
else
    echo "not ok the numbered rules lead to tests - $(echo "$broken" | head -n 1)"
    echo "$broken" | sed 's/^/# /'
    failed=1
fi
exit $failed
