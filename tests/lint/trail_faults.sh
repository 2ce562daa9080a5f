#!/bin/sh
# Each test that docs/development.md names for a fault is there.
set -eu
status=0
rows=$(mktemp)
trap 'rm -f "$rows"' EXIT

sed -n '/^## Faults of the trail/,/^## Adding/p' docs/development.md | grep -oE '`tests/[^`]*`' | tr -d '`' >"$rows"
if [ ! -s "$rows" ]; then echo "docs/development.md: no test found in the table of faults"; exit 1; fi
while IFS=: read -r file name; do
    if ! [ -f "$file" ]; then echo "docs/development.md: there is no $file"; status=1
    elif ! grep -qF "$name" "$file"; then echo "docs/development.md: $file has no test \"$name\""; status=1
    fi
done <"$rows"

[ $status -ne 0 ] || echo "ok: $(wc -l <"$rows") tests of faults, all there"
exit $status
