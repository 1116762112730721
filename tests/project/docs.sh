#!/bin/sh
# Checks the guides in docs/, the tutorial, the cookbook and the README files.
#
# What they show as C is a program of their own, which tests/book builds and runs
# (tests/book/book.pl explains the blocks), or what the examples hold, line by line. A block that
# shows only a call or two within a sentence stands in `backquotes` instead.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top" || exit 2
failed=0
for guide in docs/*.md docs/*/*.md; do
    broken=$(perl -0777 -e '
        my @sources = @ARGV;
        my $guide = shift @sources;
        my @pages = grep { /\.md$/ } @sources;
        @sources = grep { !/\.md$/ } @sources;
        my @texts = map { local @ARGV = ($_); scalar <> } @sources;
        for my $page (@pages) {
            local @ARGV = ($page);
            push @texts, <> =~ /^```c \S+[^\n]*\n(.*?)^```$/msg;
        }
        local @ARGV = ($guide);
        my $text = <>;
        while ($text =~ /^```c\n(.*?)^```$/msg) {
            my $block = $1;
            print((split /\n/, $block)[0], "\n") unless grep { index($_, $block) >= 0 } @texts;
        }' "$guide" $(git ls-files -co --exclude-standard 'examples/*.c' 'examples/*.h' \
            2>/dev/null || find examples -name '*.[ch]') docs/*.md docs/*/*.md)
    if [ -z "$broken" ]; then
        echo "ok $guide shows what the examples hold"
    else
        echo "not ok $guide shows what the examples hold - not in any example: $(echo "$broken" |
            head -n 1)"
        echo "$broken" | sed 's/^/# /'
        failed=1
    fi
done

perl tests/book/book.pl check . || failed=1

# docs/threads.md lists the functions that any thread may call: those whose comments say so. A
# type's comment that says it of all its functions has a line of its own there, with "…".
broken=$(perl -0777 -e '
    my %listed;
    local @ARGV = ("docs/threads.md");
    my ($table) = <> =~ /^## What may be called from any thread\n(.*?)^## /ms;
    $listed{$_} = 1 for $table =~ /`(eddy_\w+?)(?:_…)?`/g;
    for my $header (glob "include/eddy/*.h") {
        @ARGV = ($header);
        my $text = <>;
        while ($text =~ m{/\*((?:(?!\*/).)*)\*/\n((?:[^\n/][^\n]*\n)+)}gs) {
            my ($comment, $declarations) = ($1, $2);
            $comment =~ s/\s*\n \*\s*/ /g;
            my $any = $comment =~ /May be called from any thread/;
            $declarations =~ s/^#define.*?[^\\]\n//gms;
            for ($declarations =~ /\b(eddy_\w+)\(/g) {
                my $known = $listed{$_} || /^(eddy_concurrent_future)_/ && $listed{$1} || /_with$/;
                print "$header: $_ may be called from any thread, which the page does not list\n"
                    if $any && !$known;
                print "$header: $_ may not be called from any thread, which the page lists\n"
                    if !$any && $listed{$_} && $comment !~ /otherwise as the functions above/;
            }
        }
    }')
if [ -z "$broken" ]; then
    echo "ok docs/threads.md lists what the headers let any thread call"
else
    echo "not ok docs/threads.md lists what the headers let any thread call -" \
        "$(echo "$broken" | head -n 1)"
    echo "$broken" | sed 's/^/# /'
    failed=1
fi

# The questions of the cookbook, each with its answer.
questions=$(grep -c '^| .*[?)] | \[' docs/cookbook/README.md)
if [ "$questions" -ge 40 ]; then
    echo "ok the cookbook answers forty questions"
else
    echo "not ok the cookbook answers forty questions - it answers $questions"
    failed=1
fi
for page in docs/cookbook/*.md; do
    [ "$page" = docs/cookbook/README.md ] && continue
    grep -q "($(basename "$page"))" docs/cookbook/README.md && continue
    echo "not ok the cookbook lists its pages - not $page"
    failed=1
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
