#!/bin/sh
# Nothing is left for later, files hold one thing, functions fit on a screen or two.
set -eu
status=0
words='TO''DO|FIX''ME|X''XX|HA''CK'
sources=$(find src include htdocs mod_amlaps.c Makefile \( -name '*.c' -o -name '*.h' -o -name '*.js' -o -name '*.mjs' -o -name '*.css' -o -name '*.html' -o -name Makefile \))
others=$(find tests conf docs -path '*/node_modules' -prune -o -type f \( -name '*.c' -o -name '*.h' -o -name '*.mjs' -o -name '*.sh' -o -name '*.md' -o -name '*.conf' \) -print)

# shellcheck disable=SC2086
if grep -nwE "$words" $sources $others; then echo "style: do it, or write an issue"; status=1; fi

for file in $sources; do
    lines=$(wc -l <"$file")
    if [ "$lines" -gt 450 ]; then echo "$file: $lines lines, more than 450: it holds two things; give the second a name"; status=1; fi
done

# From a line at the left margin that opens a brace to the brace that closes at the left margin; data is not a function.
# shellcheck disable=SC2086
awk '
    FNR == 1 { start = 0 }
    /^[^ \t}#\/*].*\{$/ || /^\{$/ { if (!start) { start = FNR; data = $0 ~ /(= \{|^(typedef|struct|union|enum)[^()]*\{)$/ } }
    /^\}/ && start {
        if (!data && FNR - start > 100) { printf "%s:%d: a function of %d lines, more than 100\n", FILENAME, start, FNR - start; bad = 1 }
        start = 0
    }
    END { exit bad }' $(printf '%s\n' $sources | grep -E '\.(c|m?js)$') || status=1

[ $status -ne 0 ] || echo "ok: nothing left for later, no file over 450 lines, no function over 100"
exit $status
