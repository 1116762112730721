#!/bin/sh
# The rules about the source itself: layers, exported names, the table of faults. Prints one line
# for each.
#
#     tests/project/layers.sh BUILD
# shellcheck source=tests/project/rules.sh
. "$(dirname "$0")/rules.sh"

# The layers, from the ground up. A file uses its own layer and those below it, never one above.
layers="base fiber contextvars backend loop task sync queue generator executor io net carrier"
layers="$layers stream tls process protocol signal debug runner testkit"

for folder in src/*/; do
    case " $layers " in *" $(basename "$folder") "*) ;; *)
        echo "$folder is no layer: it belongs into the list in this script" ;;
    esac
done | rule "every folder of src is a layer"

grep -rHo '^ *# *include "[a-z_]*/[^"]*"' src/*/ | sed 's/: *# *include "/ /; s/"$//' |
    awk -v layers="$layers" '
        BEGIN { for (n = split(layers, layer); n > 0; n--) rank[layer[n]] = n }
        {
            split($1, file, "/")
            split($2, included, "/")
            if (included[1] == "eddy")
                next
            if (!(included[1] in rank))
                print $1 " includes " $2 ", which is in no layer"
            else if (rank[included[1]] > rank[file[2]])
                print $1 " includes " $2 ", of a layer above its own"
        }' | rule "no file includes a layer above its own"

# The same of what objects refer to: public headers declare functions of all layers. Objects whose
# source is gone are of an older build.
objects()
{
    nm -A -g "$build"/src/CMakeFiles/eddy_objects.dir/*/*.o \
        "$build"/src/CMakeFiles/eddy_test.dir/testkit/*.o 2>/dev/null |
        sed "s|^$build/src/CMakeFiles/[a-z_]*\.dir/||; s|\.o:| |" |
        awk '
            !($1 in exists) { exists[$1] = (getline line < ("src/" $1)) >= 0; close("src/" $1) }
            exists[$1]'
}
if [ -e "$build/src/CMakeFiles/eddy_objects.dir/base" ]; then
    objects | awk -v layers="$layers" '
        BEGIN { for (n = split(layers, layer); n > 0; n--) rank[layer[n]] = n }
        $NF !~ /^eddyi?_/ { next }
        $(NF - 1) == "U" { users[$1, $NF] = 1; next }
        { home[$NF] = $1 }
        function own(file) { return rank[substr(file, 1, index(file, "/") - 1)] }
        END {
            for (use in users) {
                split(use, part, SUBSEP)
                if (part[2] in home && own(home[part[2]]) > own(part[1]))
                    print "src/" part[1] " refers to " part[2] "() of src/" home[part[2]]
            }
        }' | sort | rule "no object refers to a symbol of a layer above its own"

    # A function of one file is static, unless a public header, a test or an adapter uses it.
    objects | awk '
        $NF !~ /^eddyi_/ { next }
        $(NF - 1) == "U" { used[$NF] = 1; next }
        { home[$NF] = $1 }
        END { for (name in home) if (!(name in used)) print name, home[name] }' | sort |
        while read -r name file; do
            grep -rqw --include='*.[ch]' --include='*.cpp' "$name" include tests adapters ||
                echo "src/$file alone uses $name"
        done | rule "functions that one file uses are static"
else
    echo "ok references between layers and files # skip $build has no objects"
fi

# Exported from the shared library, and declared in a public header: the same names. In the list of
# EDDY_API declarations comments and macros are gone, and a name is what stands before its first
# parenthesis.
exported()
{
    nm -D --defined-only "$build"/src/libeddy.so |
        awk '$2 != "A" && $2 != "R" && $2 != "D" {print $3}' |
        sed 's/@.*//' | grep -v '^_' | sort -u
}
declared()
{
    # Headers that eddy.h leaves out belong to other libraries.
    # shellcheck disable=SC2046 # a list of words
    (cd include && cat $(sed -n 's/^#include "\(.*\)"/\1/p' eddy.h)) |
        ${CC:-cc} -fpreprocessed -dD -E -P - 2>/dev/null | grep -v '^#' | tr '\n' ' ' |
        grep -o 'EDDY_API [^;]*;' | sed 's/EDDY_[A-Z]*([^()]*) //g' |
        grep -o '[a-z][a-z0-9_]*(' | tr -d '(' | sort -u
}
if [ -e "$build/src/libeddy.so" ]; then
    exported >"$build/exported.txt"
    declared >"$build/declared.txt"
    comm -23 "$build/exported.txt" "$build/declared.txt" |
        sed 's/$/ is exported but in no public header/' |
        rule "every exported name is declared in a public header"
    comm -13 "$build/exported.txt" "$build/declared.txt" | grep '^eddyi\{0,1\}_' |
        sed 's/$/ is declared in a public header but not exported (src\/eddy.map: see abi.sh)/' |
        rule "every function declared in a public header is exported"
else
    echo "ok exported names # skip $build has no shared library"
fi

# Torture has to know what a call can fail with.
grep -rhoE 'eddyi_fault\("[a-z0-9_]+"\)' src | sed 's/.*("//; s/")//' | sort -u |
    while read -r call; do
    grep -q "{\"$call\"," src/base/fault.c || echo "src/base/fault.c has no errors for \"$call\""
done | rule "every call that can be made to fail has its errors"

# The one door: no other file calls malloc and its kin.
grep -rnE '(^|[^_a-z>.])(malloc|calloc|realloc|free|strdup|mmap|munmap|asprintf)\(' src \
    --include='*.c' --include='*.h' |
    grep -vE '^src/base/(sys|fault)' | grep \
    -vE ':[[:space:]]*(\*|/\*)|/\*[^*]*(malloc|free|mmap)\(' |
    sed 's/$/   <- goes past base\/sys.h/' | rule "memory comes through base/sys.h only"

# A user that starts a program with more rights does not choose what the library does
# in it.
grep -rnE '(^|[^_a-z])getenv\(' src --include='*.c' --include='*.h' |
    rule "the environment is read with secure_getenv"

exit $failed
