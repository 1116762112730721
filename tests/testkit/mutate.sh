#!/bin/sh
# Makes a mutant: a copy of a source file with a piece of one line replaced. The piece must be
# there, once.
#
#     tests/testkit/mutate.sh FILE OLD NEW COPY
set -u
awk -v old="$2" -v new="$3" '
    {
        at = index($0, old)
        if (at > 0) {
            found++
            $0 = substr($0, 1, at - 1) new substr($0, at + length(old))
        }
        print
    }
    END {
        if (found != 1) {
            print "mutate.sh: " found + 0 " places with: " old > "/dev/stderr"
            exit 1
        }
    }' "$1" >"$4"
