#!/bin/sh
# Every row of the list of faults of Graph is in tests/system/README.md, and each test that it names exists.
set -eu
readme=tests/system/README.md
status=0
for row in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18; do
    if ! grep -qE "^\| ([^|]*[ ,])?G$row[ ,|]" "$readme"; then echo "$readme: no row G$row"; status=1; fi
done

# `file`: title · `file`: title
named=$(grep '^|' "$readme" | awk -F'|' '{ print $(NF - 1) }' | sed 's/ · /\n/g' | sed -n 's/^ *`\([^`]*\)`: *\(.*[^ ]\) *$/\1\t\2/p')
count=0
while IFS="$(printf '\t')" read -r file title; do
    [ -n "$file" ] || continue
    count=$((count + 1))
    if ! grep -qF -- "$title" "tests/system/$file"; then echo "$readme: tests/system/$file has no '$title'"; status=1; fi
done <<END
$named
END
if [ "$count" -lt 30 ]; then echo "$readme: only $count tests were found in its tables"; status=1; fi

[ $status -ne 0 ] || echo "ok: every fault of Graph has its test"
exit $status
