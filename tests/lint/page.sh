#!/bin/sh
# The page: text nodes alone, nothing from elsewhere, type-checked, small.
set -eu
status=0

refuse() { # refuse WHY PATTERN: a pattern of grep -E
    if find htdocs -type f \( -name '*.js' -o -name '*.html' -o -name '*.css' -o -name '*.svg' \) -exec grep -nE "$2" {} /dev/null \; | grep .; then
        echo "htdocs: $1"
        status=1
    fi
}
refuse "text that is parsed as HTML or code" '\b(innerHTML|outerHTML|insertAdjacentHTML|document\.write(ln)?|eval|setHTMLUnsafe|srcdoc)\b|new Function|javascript:'
refuse "handlers and styles in attributes, which the content security policy blocks" '<[a-zA-Z][^>]* (on[a-z]+|style)='

# the namespace of SVG is a name, not an address
if find htdocs -type f ! -name '*.png' -exec grep -nE '(https?:)?//[A-Za-z0-9.-]+\.[a-z]{2,}' {} /dev/null \; |
    sed 's#http://www\.w3\.org/[0-9A-Za-z/]*##g' | grep -E ':[0-9]+:.*//[A-Za-z0-9.-]+\.[a-z]{2,}'; then
    echo "htdocs: an address elsewhere; the page loads from its own server alone"
    status=1
fi
for file in $(find htdocs -name '*.js'); do
    if [ "$(head -n 1 "$file")" != "// @ts-check" ]; then echo "$file: the first line must be // @ts-check"; status=1; fi
done
# What may be loaded from the first view to the password lies in htdocs/ itself; what only some ask for, in htdocs/more/.
weigh() { # weigh FOLDER EXTENSION MOST
    bytes=$(find "$1" -maxdepth 1 -name "*.$2" -exec cat {} + | wc -c)
    if [ "$bytes" -gt "$3" ]; then echo "$1: the .$2 files have $bytes bytes, more than $3"; status=1; fi
    if [ "$bytes" -eq 0 ] && [ "$1" = htdocs ]; then echo "$1: no .$2 file"; status=1; fi
}
weigh htdocs js 46080
weigh htdocs css 12288
[ ! -d htdocs/more ] || { weigh htdocs/more js 46080; weigh htdocs/more css 12288; }

[ $status -ne 0 ] || echo "ok: the page is safe to load and small"
exit $status
