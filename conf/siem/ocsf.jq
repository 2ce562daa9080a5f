# A record of the audit as an event of OCSF 1.3: jq -c -f ocsf.jq < audit.log
# API Activity (6003), Read; a start of httpd is Application Lifecycle (6002), Start. What is about the sealing is Create, Update or Delete; that the
# trail is alive, which nobody asked for, is Application Lifecycle, Other. Times are milliseconds since 1970.

def known: with_entries(select(.value != null));
def milliseconds: ((.[0:19] + "Z") | fromdateiso8601) * 1000 + (.[20:23] | tonumber);

{sealed: {class_uid: 6003, activity_id: 1}, recovered: {class_uid: 6003, activity_id: 3}, exported: {class_uid: 6003, activity_id: 4},
 alive: {class_uid: 6002, activity_id: 99, activity_name: "Alive"}} as $sealing
| (if .event == "start" then {class_uid: 6002, activity_id: 3} elif .event == "audit" then $sealing[.code // ""] else null end
   // {class_uid: 6003, activity_id: 2}) as $class
| ({granted: 1, denied: 2, failed: 2, pending: 0}[.outcome]) as $status
| {
    category_uid: 6,
    class_uid: $class.class_uid,
    activity_id: $class.activity_id,
    activity_name: $class.activity_name,
    type_uid: ($class.class_uid * 100 + $class.activity_id),
    time: (.time | milliseconds),
    severity_id: (if .outcome == "denied" then 3 elif .outcome == "failed" then 2 else 1 end),
    status_id: $status,
    status_code: .code,
    metadata: ({
        version: "1.3.0",
        product: ({name: "mod_amlaps", vendor_name: "mod_amlaps", version: .server.version} | known),
        uid: "\(.id)-\(.seq)",
        correlation_uid: .id,
        sequence: .seq,
        event_code: "\(.event).\(.outcome)"
    } | known),
    unmapped: ({stage, rule, reason, search, credential, server, seal, anchor, prev, hash} | known)
  } + (if $class.class_uid == 6002 then {
    app: ({name: "mod_amlaps", vendor_name: "mod_amlaps", version: .server.version} | known),
    device: (if .server then {type_id: 1, hostname: .server.host} else null end)
  } else {
    actor: {user: ({uid: (.actor.oid // .actor.subject), name: .actor.username, full_name: .actor.name,
                    org: (if .actor.tid then {uid: .actor.tid} else null end)} | known)},
    api: ({operation: .event, request: {uid: .id}, service: {name: "mod_amlaps"},
           response: (if .graph.status then {code: .graph.status, message: .graph.requestId} | known else null end)} | known),
    src_endpoint: {ip: (.address // "0.0.0.0")},
    resources: (if .device then [({uid: .device.deviceId, name: .device.name, namespace: .device.tenant, type: "Device"} | known)] else null end)
  } end)
| known
