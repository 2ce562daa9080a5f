#!/bin/sh
# The codes of src/base/error.c, with the statuses of src/httpd/respond.c, stand in docs/openapi.yaml and docs/troubleshooting.md, and none else.
set -eu
status=0
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT

sed -n 's/^ *\[AMLAPS_[A-Z_]*\] = "\([a-z_]*\)".*/\1/p' src/base/error.c | grep -v '^ok$' | sort >"$temporary/code"
if [ ! -s "$temporary/code" ]; then echo "src/base/error.c: no code found"; exit 1; fi
# AMLAPS_NOT_FOUND = { 404, ... -> "not_found 404"
sed -n 's/^ *\[AMLAPS_\([A-Z_]*\)\] = { \([0-9]*\),.*/\1 \2/p' src/httpd/respond.c | grep -v '^OK ' | tr '[:upper:]' '[:lower:]' | sort >"$temporary/answers"
cut -d' ' -f1 "$temporary/answers" | diff "$temporary/code" - >"$temporary/difference" || {
    echo "src/base/error.c and src/httpd/respond.c have different codes:"; cat "$temporary/difference"; status=1
}

compare() { # compare FILE LIST
    for word in $(comm -23 "$temporary/code" "$2"); do echo "$1: the code $word is missing"; status=1; done
    for word in $(comm -13 "$temporary/code" "$2"); do echo "$1: there is no code $word"; status=1; done
}
awk '/^    Code:/ { inside = 1; next } inside && /^    [A-Za-z]/ { exit } inside && /^ *- [a-z_]+$/ { print $2 }' docs/openapi.yaml | sort >"$temporary/openapi"
compare docs/openapi.yaml "$temporary/openapi"

# parsers disagree about what else may stand there without quotes
if grep -nE '[{,] description: [^",}][^",}]*([?]|: )' docs/openapi.yaml; then echo "docs/openapi.yaml: write this description in quotes"; status=1; fi

sed -n 's/^## `\([a-z_]*\)` (\([0-9]*\))$/\1 \2/p' docs/troubleshooting.md | sort >"$temporary/headings"
cut -d' ' -f1 "$temporary/headings" >"$temporary/troubleshooting"
compare docs/troubleshooting.md "$temporary/troubleshooting"
comm -13 "$temporary/answers" "$temporary/headings" | while read -r word number; do echo "docs/troubleshooting.md: $word is not answered with $number"; done >"$temporary/statuses"
if [ -s "$temporary/statuses" ]; then cat "$temporary/statuses"; status=1; fi

[ $status -ne 0 ] || echo "ok: $(wc -l <"$temporary/code") codes, the same in code, API description and troubleshooting"
exit $status
