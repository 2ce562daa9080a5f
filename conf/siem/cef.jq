# A record of the audit as a line of CEF: jq -r -f cef.jq < audit.log
# The event class is EVENT.OUTCOME, as in docs/audit.md.

def header: gsub("\\\\"; "\\\\") | gsub("\\|"; "\\|") | gsub("[\\r\\n]+"; " ");
def value: tostring | gsub("\\\\"; "\\\\") | gsub("="; "\\=") | gsub("\\r"; "\\r") | gsub("\\n"; "\\n");
def pair(name; text): if text == null then empty else "\(name)=\(text | value)" end;
def milliseconds: ((.[0:19] + "Z") | fromdateiso8601) * 1000 + (.[20:23] | tonumber);

{password: "LAPS password", history: "LAPS password history", search: "Search for devices", audit: "Audit read", explain: "Explanation of a decision"} as $names
| {sealed: "Audit sealed", recovered: "Audit sealed anew", exported: "Audit records exported and removed", alive: "Audit alive"} as $sealing
| (if .event == "start" then "httpd started" elif .event == "audit" then $sealing[.code // ""] else null end
   // "\($names[.event] // .event) \(.outcome)") as $name
| (["CEF:0", "mod_amlaps", "mod_amlaps", (.server.version // "1"), "\(.event).\(.outcome)", $name,
    ({granted: 5, denied: 7, failed: 6, pending: 3}[.outcome] | tostring)] | map(header) | join("|")) as $header
| $header + "|" + ([
    pair("rt"; .time | milliseconds),
    pair("externalId"; .id),
    pair("cat"; .stage),
    pair("act"; .event),
    pair("outcome"; .outcome),
    pair("suid"; .actor.oid // .actor.subject),
    pair("suser"; .actor.username),
    (if (.address // "") | test(":") then pair("c6a2"; .address), "c6a2Label=Source IPv6 Address" else pair("src"; .address) end),
    pair("dhost"; .device.name),
    pair("reason"; .reason),
    pair("msg"; .search),
    (if .device.deviceId then pair("cs1"; .device.deviceId), "cs1Label=deviceId" else empty end),
    (if .rule then pair("cs2"; .rule), "cs2Label=rule" else empty end),
    pair("cs3"; .code), "cs3Label=code",
    (if .device.tenant then pair("cs4"; .device.tenant), "cs4Label=tenant" else empty end),
    pair("cs5"; .hash), "cs5Label=hash",
    (if .graph.requestId then pair("cs6"; .graph.requestId), "cs6Label=graphRequestId" else empty end),
    pair("cn1"; .seq), "cn1Label=seq"
  ] | join(" "))
