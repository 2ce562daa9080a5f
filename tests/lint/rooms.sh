#!/bin/sh
# Rooms know only of the rooms below them, each library has one door, and a room's private headers stay private.
set -eu

found=$(
    find src include/amlaps mod_amlaps.c \( -name '*.c' -o -name '*.h' \) -exec grep -nE '^[ \t]*#[ \t]*include' {} /dev/null \; |
    awk '
    BEGIN {
        # face -> room
        split("base digest json meter text secret thread transport", names, " ")
        for (i in names) room_of["amlaps/" names[i] ".h"] = "base"
        split("policy graph trail notify access", names, " ")
        for (i in names) room_of["amlaps/" names[i] ".h"] = names[i]
        room_of["amlaps/sealing.h"] = "trail"
        # room -> rooms whose faces it may include, besides its own and base
        may["base"] = may["policy"] = may["graph"] = may["trail"] = may["notify"] = " "
        may["access"] = " policy graph trail notify "
        may["httpd"] = " access policy "
        may["tool"] = " trail "
    }
    function complain(why) { printf "%s:%s: %s: %s\n", file, line, header, why }
    {
        match($0, /^[^:]*:[0-9]+:/)
        split(substr($0, 1, RLENGTH), at, ":")
        file = at[1]; line = at[2]
        if (!match($0, /[<"][^>"]*[>"]/)) next
        quote = substr($0, RSTART, 1)
        header = substr($0, RSTART + 1, RLENGTH - 2)

        split(file, part, "/")
        name = part[3]
        if (file == "mod_amlaps.c") room = "httpd"
        else if (part[1] == "src") room = part[2]
        else room = room_of["amlaps/" name]
        if (room == "" || !(room in may)) { complain("no room of that name in the table of tests/lint/rooms.sh"); next }

        if (header in room_of) {
            other = room_of[header]
            if (other != room && other != "base" && index(may[room], " " other " ") == 0)
                complain("src/" room " may not know of the room " other)
        } else if (header ~ /^amlaps\//) {
            complain("this face belongs to no room in the table of tests/lint/rooms.sh")
        } else if (quote == "\"") {
            if (file == "mod_amlaps.c" ? header !~ /^src\/httpd\/[a-z_]+\.h$/ : header ~ /\//)
                complain("a private header is for its own room, by its bare name")
            else if (part[1] == "include")
                complain("a face may not need a private header")
            else {
                path = file == "mod_amlaps.c" ? header : "src/" room "/" header
                if ((getline text < path) < 0) complain("no such private header in src/" room)
                close(path)
            }
        } else if (header ~ /^(httpd|http_[a-z]+|ap_[a-z_]+|util_[a-z]+|unixd|mpm_common|scoreboard|mod_[a-z_]+)\.h$/) {
            if (room != "httpd") complain("httpd stays in src/httpd and mod_amlaps.c")
        } else if (header ~ /^jansson/) {
            if (file !~ /^src\/base\/json/) complain("jansson stays in src/base/json*")
        } else if (header ~ /^curl\//) {
            if (file !~ /^src\/base\/(curl|transport)_/) complain("curl stays behind the transport, in src/base/curl_* and src/base/transport_*")
        } else if (header ~ /^openssl\//) {
            if (room != "base" && file !~ /^src\/graph\/credential_[a-z]+\.c$/) complain("OpenSSL stays in src/base and src/graph/credential_*.c")
        } else if (header ~ /^(sqlite3|libpq-fe)\.h$/) {
            if (room != "trail") complain("databases stay in src/trail")
        }
    }'
)
if [ -n "$found" ]; then
    printf '%s\n' "$found"
    exit 1
fi
echo "ok: rooms include only what they may"
