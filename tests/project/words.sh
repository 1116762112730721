#!/bin/sh
# The rules of CONTRIBUTING.md, Words, that a script can check. Prints one line for each.
#
#     tests/project/words.sh
# shellcheck source=tests/project/rules.sh
. "$(dirname "$0")/rules.sh"

# Lists the files of the project below the given paths, except recorded and generated ones.
files()
{
    { git ls-files -co --exclude-standard -- "$@" 2>/dev/null || find "$@" -type f; } |
        grep -Ev '\.(svg|jsonl|gz|png)$|^tests/(fuzz/corpus|scenario/recorded)/|/abi\.xml$' |
        while read -r file; do [ -f "$file" ] && echo "$file"; done
}

# Lists the C files below the given paths.
sources()
{
    files "$@" | grep -E '\.(c|h|cpp|S)$'
}

# Tables and lines with a URL may be longer.
files . | grep -v '^tests/mutants/equivalent$' | xargs perl -CSD -ne '
    chomp;
    print "$ARGV:$.: ", length, " columns\n" if length > 100 && !/^\s*\|/ && !m{https?://};
    close ARGV if eof' | rule "no line has more than 100 columns"

# Each comment begins on a line of its own, or behind code; the rest of it does not count.
sources include src examples adapters tools bench tests | xargs perl -CSD -ne '
    print "$ARGV:$.: begins with \"$1\"\n"
        if m{/\*\s*(The same|And|What|Whether|Whoever|Those)\b} ||
           ($open && m{^\s*\*\s+(The same|And|What|Whether|Whoever|Those)\b});
    $open = m{/\*\s*$};
    close ARGV if eof' | rule "no comment begins with The same, And, What, Whether, Whoever, Those"

# Words for which there is a term: the task or caller; close_notify; expires; concurrently.
terms='whoever|whomever|somebody|anybody|everybody|nobody|farewell|strikes|side by side'
{ sources include src examples adapters tools bench tests; files . | grep '\.md$' |
    grep -v '^CONTRIBUTING'; } | TERMS=$terms xargs perl -CSD -0777 -ne '
    my $text = $ARGV =~ /\.md$/ ? s/^```.*?^```//gmsr =~ s/`[^`]*`//gr
                                : join "\n", m{/\*.*?\*/|//[^\n]*}gs;
    print "$ARGV: \"$1\": ", join(" ", "$2" =~ /\S+/g), "\n"
        while $text =~ /\b($ENV{TERMS})\b([^\n]*)/gi' |
    rule "comments and guides use terms"

exit $failed
