# A record of the audit as an event of the Elastic Common Schema 8.11: jq -c -f ecs.jq < audit.log
# What has no place there stands under "amlaps", with the names of docs/audit.md.

def known: with_entries(select(.value != null));

{granted: "success", denied: "failure", failed: "failure", pending: "unknown"} as $outcomes
| {granted: ["access", "allowed"], denied: ["access", "denied"], failed: ["access", "error"], pending: ["access"]} as $types
| {sealed: ["admin", "creation"], recovered: ["admin", "change"], exported: ["admin", "deletion"], alive: ["info"]} as $sealing
| {
    "@timestamp": .time,
    ecs: {version: "8.11.0"},
    event: ({
        id: "\(.id)-\(.seq)",
        kind: "event",
        category: (if .event == "start" then ["process"] else ["api"] end),
        type: (if .event == "start" then ["start"] elif .event == "audit" then $sealing[.code // ""] // $types[.outcome] else $types[.outcome] end),
        action: "laps-\(.event)",
        outcome: $outcomes[.outcome],
        code: .code,
        reason: .reason,
        sequence: .seq,
        hash: .hash,
        provider: "mod_amlaps"
    } | known),
    trace: {id: .id},
    user: (if .actor then {id: (.actor.oid // .actor.subject), email: .actor.username, full_name: .actor.name, domain: (.actor.tid // .actor.issuer)} | known else null end),
    source: (if .address then {ip: .address} else null end),
    rule: (if .rule then {name: .rule} else null end),
    host: (if .server then {hostname: .server.host} else null end),
    observer: ({vendor: "mod_amlaps", product: "mod_amlaps", version: .server.version} | known),
    related: (if .actor then {user: ([.actor.oid, .actor.username] | map(select(. != null))), ip: ([.address] | map(select(. != null)))} else null end),
    amlaps: ({stage, device, search, graph, credential, server, seal, anchor, prev, v} | known)
  }
| known
