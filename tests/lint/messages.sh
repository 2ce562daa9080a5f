#!/bin/sh
# A message id stands for one kind of trouble of one room. docs/messages.md explains each id that the sources use, and no other.
set -eu
status=0
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT

find src mod_amlaps.c -name '*.c' | sort | xargs awk '
    function literal(    text) {   # takes the next string literal off `rest`; "" at its end
        while (rest != "") {
            if (!match(rest, /"([^"\\]|\\.)*"/)) { rest = ""; return "" }
            text = substr(rest, RSTART + 1, RLENGTH - 2)
            rest = substr(rest, RSTART + RLENGTH)
            if (text != "") return text
        }
        return ""
    }
    function settle(text) {
        for (i = 1; i <= waiting; i++) print ids[i] "\t" where[i] "\t" text
        waiting = 0
    }
    FNR == 1 { waiting = 0 }
    /^[ \t]*(\/\*|\*|\/\/)/ { next }
    {
        rest = $0
        row = $0 ~ /^[ \t]*\{/
        while ((text = literal()) != "") {
            if (text ~ /^AML[0-9][0-9][0-9][0-9]$/) {
                waiting++; ids[waiting] = text; where[waiting] = FILENAME ":" FNR; in_row = row
            } else if (text ~ /^AML[0-9][0-9][0-9][0-9]: /) {
                print substr(text, 1, 7) "\t" FILENAME ":" FNR "\t" substr(text, 10)
            } else if (waiting) {
                settle(in_row ? "-" : text)
            }
        }
        # no text of its own: it logs what another message said
        if (waiting && $0 ~ /;[ \t]*$/) settle("-")
    }' | sort >"$temporary/uses"

awk -F'\t' '{ room = $2; sub(/[^\/]*$/, "", room) }
    !($1 in home) { home[$1] = room; at[$1] = $2; next }
    home[$1] != room { printf "%s: %s is a message of another room, at %s: take an id of your own\n", $2, $1, at[$1]; bad = 1 }
    END { exit bad }' "$temporary/uses" || status=1

cut -f1 "$temporary/uses" | sort -u >"$temporary/code"
sed -n 's/^### \(AML[0-9]\{4\}\)$/\1/p' docs/messages.md | sort >"$temporary/docs"
if [ ! -s "$temporary/code" ]; then echo "no message id found in src"; exit 1; fi
for id in $(uniq -d "$temporary/docs"); do echo "docs/messages.md: $id stands twice"; status=1; done
for id in $(comm -23 "$temporary/code" "$temporary/docs"); do
    echo "docs/messages.md: $id is missing ($(awk -F'\t' -v id="$id" '$1 == id { print $2; exit }' "$temporary/uses"))"; status=1
done
for id in $(comm -13 "$temporary/code" "$temporary/docs"); do echo "docs/messages.md: no source uses $id"; status=1; done

[ $status -ne 0 ] || echo "ok: $(wc -l <"$temporary/code") message ids, each of one room, all explained"
exit $status
