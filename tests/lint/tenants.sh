#!/bin/sh
# What goes wrong with a tenant names the tenant and says what to do: the text of each error of src/graph with a code tenant_*.
set -eu
find src/graph -name '*.c' | sort | xargs awk '
    function judge(    text, literal) {
        text = ""
        while (match(statement, /"([^"\\]|\\.)*"/)) {
            literal = substr(statement, RSTART + 1, RLENGTH - 2)
            statement = substr(statement, RSTART + RLENGTH)
            if (literal !~ /^AML[0-9][0-9][0-9][0-9]$/) text = text literal
        }
        if (text == "") return
        count++
        if (text !~ /^tenant %s: /) { printf "%s: names no tenant: %s\n", where, text; bad = 1 }
        # where the text ends in what another place has to say, that place says it
        if (text !~ /%s$/ && text !~ /(check|report|give it|set it|wait|passes by itself|try again|put a|look at|add |let the)/) {
            printf "%s: does not say what to do: %s\n", where, text; bad = 1
        }
    }
    FNR == 1 { statement = ""; inside = 0 }
    /amlaps_error_set\(/ { inside = 1; statement = ""; where = FILENAME ":" FNR }
    inside { statement = statement " " $0 }
    inside && /;[ \t]*$/ { if (statement ~ /AMLAPS_TENANT_[A-Z_]+,/) judge(); inside = 0 }
    END {
        if (!count) { print "src/graph: no error of a tenant found"; exit 1 }
        if (!bad) print "ok: " count " errors of a tenant, each with its name and what to do"
        exit bad
    }'
