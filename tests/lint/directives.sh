#!/bin/sh
# Each directive is documented, no directive is named in docs, conf and the README that does not exist, and none is followed by a comment in conf.
set -eu
status=0
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT

sed -n 's/^ *AP_INIT_[A-Z0-9_]*("<\{0,1\}\(AMLaps[A-Za-z]*\)".*/\1/p' src/httpd/directives.c | sort >"$temporary/code"
sed -n 's/^## .*\(AMLaps[A-Za-z]*\).*/\1/p' docs/directives.md >"$temporary/in-order"
LC_ALL=C sort -f "$temporary/in-order" | diff "$temporary/in-order" - >/dev/null || {
    echo "docs/directives.md: the directives are not in alphabetical order"; status=1
}
sort "$temporary/in-order" >"$temporary/docs"

if [ ! -s "$temporary/code" ]; then echo "src/httpd/directives.c: no AP_INIT_ line found"; exit 1; fi
for name in $(uniq -d "$temporary/code") $(uniq -d "$temporary/docs"); do echo "$name stands twice"; status=1; done
for name in $(comm -23 "$temporary/code" "$temporary/docs"); do echo "docs/directives.md: $name is missing"; status=1; done
for name in $(comm -13 "$temporary/code" "$temporary/docs"); do
    echo "docs/directives.md: $name is not in src/httpd/directives.c"; status=1
done

# the fields of each directive's description
awk '
    function check() { if (name != "" && missing != "") { printf "docs/directives.md: %s lacks:%s\n", name, missing; bad = 1 } }
    /^## .*AMLaps/ { check(); name = $0; sub(/^## /, "", name); missing = " Description Syntax Default Context Module Compatibility" }
    /^\| \*\*[A-Za-z]+\*\*/ { field = $0; sub(/^\| \*\*/, "", field); sub(/\*\*.*/, "", field); sub(" " field, "", missing) }
    END { check(); exit bad }' docs/directives.md || status=1

find conf docs README.md -type f ! -name '*.png' -exec grep -noE 'AMLaps[A-Z][A-Za-z]*' {} /dev/null \; >"$temporary/named" || true
awk -F: 'NR == FNR { known[$0] = 1; next } !($3 in known) { printf "%s:%s: there is no directive %s\n", $1, $2, $3; bad = 1 } END { exit bad }' \
    "$temporary/code" "$temporary/named" || status=1

# httpd takes it for arguments
if grep -nE '^[# ]*<?(AMLaps|OIDC)[A-Za-z]+ .*[[:space:]]#([[:space:]]|$)' conf/*.conf; then
    echo "conf: a comment behind a directive; write it on a line of its own"; status=1
fi

[ $status -ne 0 ] || echo "ok: $(wc -l <"$temporary/code") directives, each documented, no other named"
exit $status
