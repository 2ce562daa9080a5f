/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "amlaps/text.h"
#include "facts.h"
#include "password.h"
#include "request.h"

#define ANSWER_MOST ((apr_size_t)1 << 20) /* Entra keeps three entries of some 300 bytes */
#define KEEP_MOST 32

static const int absent[] = {404, 0};
static const char *const secrets[] = {"passwordBase64", NULL};

/* One entry of the answer before its password is decoded. */
typedef struct entry_t {
    const amlaps_json_t *json;
    apr_time_t backed_up;
    apr_size_t place;
} entry_t;

static int compare(const void *left, const void *right)
{
    const entry_t *a = left, *b = right;

    if (a->backed_up != b->backed_up) {
        return a->backed_up < b->backed_up ? 1 : -1;
    }
    return a->place < b->place ? -1 : a->place > b->place;
}

static apr_time_t read_time(const amlaps_json_t *json, const char *name)
{
    const char *text = amlaps_json_member_text(json, name);
    apr_time_t time;

    return text && amlaps_text_read_time(&time, text) && time > 0 ? time : 0;
}

static apr_status_t none(amlaps_error_t *error, const amlaps_tenant_t *tenant, const char *device_id)
{
    return amlaps_error_set(
        error, AMLAPS_NO_PASSWORD, "AML0350", APR_NOTFOUND,
        "tenant %s: device %s has no password in Entra: it has not backed one up, or its policy backs up elsewhere",
        tenant->name, device_id);
}

static apr_status_t not_understood(amlaps_error_t *error, const amlaps_tenant_t *tenant, const char *device_id,
                                   const char *why)
{
    return amlaps_error_set(error, AMLAPS_TENANT_ERROR, "AML0352", APR_EGENERAL,
                            "tenant %s: Graph's answer for the password of device %s is not understood: %s; check AMLapsGraphURL and a proxy that changes answers",
                            tenant->name, device_id, why);
}

/* Microsoft's reference wraps the object into `value`, its service does not. NULL: there is none. */
static const amlaps_json_t *unwrap(const amlaps_json_t *json)
{
    const amlaps_json_t *value = amlaps_json_member(json, "value");

    return amlaps_json_kind(value) == AMLAPS_JSON_NONE ? json : value;
}

/* Also an error that came with 200, which some proxies make of every status: it says nothing of a password. */
static const char *why_no_info(const amlaps_json_t *info)
{
    if (amlaps_json_kind(info) != AMLAPS_JSON_OBJECT) {
        return "it is no object";
    }
    return amlaps_json_member(info, "error") ? "it is an error" : NULL;
}

static int is_nothing(const amlaps_json_t *json)
{
    const amlaps_json_kind_t kind = amlaps_json_kind(json);

    return kind == AMLAPS_JSON_NONE || kind == AMLAPS_JSON_NULL
           || (kind == AMLAPS_JSON_ARRAY && amlaps_json_length(json) == 0);
}

/* The password of another device is worse than none. */
static apr_status_t check_id(amlaps_error_t *error, const amlaps_tenant_t *tenant, const char *device_id,
                             const amlaps_json_t *info)
{
    const char *id = amlaps_json_member_text(info, "id");
    char guid[AMLAPS_GUID_LENGTH + 1];

    if (amlaps_text_guid(guid, id) && strcmp(guid, device_id) == 0) {
        return APR_SUCCESS;
    }
    amlaps_log(AMLAPS_LOG_ERROR, "AML0351", APR_EGENERAL,
               "tenant %s: asked for the password of device %s, Graph answered for %s", tenant->name, device_id,
               amlaps_text_guid(guid, id) ? guid : "none");
    return amlaps_error_set(error, AMLAPS_TENANT_ERROR, "AML0351", APR_EGENERAL,
                            "tenant %s: Graph answered for another device than the one asked for; nothing of it is shown; check AMLapsGraphURL and a proxy that changes answers, and report it to "
                            "Microsoft with the request-id in the log",
                            tenant->name);
}

/* Why this entry cannot be shown, or NULL. */
static const char *read_entry(amlaps_credential_t *item, const entry_t *entry, const amlaps_lifted_t *lifted,
                              apr_pool_t *pool)
{
    const char *value;
    apr_size_t length;

    item->account = apr_pstrdup(pool, amlaps_json_member_text(entry->json, "accountName"));
    item->sid = apr_pstrdup(pool, amlaps_json_member_text(entry->json, "accountSid"));
    item->backed_up = entry->backed_up;
    if (!amlaps_lift_value(&value, &length, lifted, amlaps_json_member(entry->json, "passwordBase64"))) {
        return "a password is missing";
    }
    return amlaps_password_decode(&item->password, value, length, pool);
}

/* The newest is the current one, so a time that is not understood could make an older one of it. None is there where Entra knows none. */
static const char *why_no_order(const amlaps_json_t *array)
{
    const apr_size_t count = amlaps_json_length(array);
    apr_time_t time;

    for (apr_size_t i = 0; count > 1 && i < count; i++) {
        const amlaps_json_t *member = amlaps_json_member(amlaps_json_item(array, i), "backupDateTime");
        const char *text = amlaps_json_text(member);
        if (!is_nothing(member) && !(text && *text == '\0') && !amlaps_text_read_time(&time, text)) {
            return "a backupDateTime is no time, so which password is the current one is not known";
        }
    }
    return NULL;
}

static apr_status_t read_entries(amlaps_credentials_t *made, amlaps_error_t *error, const amlaps_tenant_t *tenant,
                                 const char *device_id, const amlaps_json_t *array, const amlaps_lifted_t *lifted,
                                 apr_pool_t *pool)
{
    const apr_size_t count = amlaps_json_length(array);
    entry_t *entries = apr_palloc(pool, count * sizeof *entries);

    for (apr_size_t i = 0; i < count; i++) {
        entries[i].json = amlaps_json_item(array, i);
        entries[i].backed_up = read_time(entries[i].json, "backupDateTime");
        entries[i].place = i;
    }
    qsort(entries, count, sizeof *entries, compare);
    made->count = count < KEEP_MOST ? count : KEEP_MOST;
    made->items = apr_pcalloc(pool, made->count * sizeof *made->items);
    for (apr_size_t i = 0; i < made->count; i++) {
        const char *why = read_entry(&made->items[i], &entries[i], lifted, pool);
        if (!why) {
            continue;
        }
        for (apr_size_t j = 0; j < i; j++) {
            amlaps_secret_wipe(made->items[j].password);
        }
        return amlaps_error_set(error, AMLAPS_TENANT_ERROR, "AML0353", APR_EGENERAL,
                                "tenant %s: Graph's answer for device %s holds a password that cannot be read: %s; let the device rotate it, "
                                "and where this lasts, report it to Microsoft with the request-id in the log",
                                tenant->name, device_id, why);
    }
    return APR_SUCCESS;
}

static apr_status_t read_answer(amlaps_credentials_t **credentials, amlaps_error_t *error, const amlaps_tenant_t *tenant,
                                const char *device_id, const amlaps_reply_t *reply, apr_pool_t *pool)
{
    const amlaps_json_t *info = unwrap(reply->json), *array = amlaps_json_member(info, "credentials");
    amlaps_credentials_t *made = apr_pcalloc(pool, sizeof *made);

    if (reply->status == 404 || is_nothing(info)) {
        return none(error, tenant, device_id);
    }
    if (why_no_info(info)) {
        return not_understood(error, tenant, device_id, why_no_info(info));
    }
    if ((!is_nothing(array) || amlaps_json_member(info, "id")) && check_id(error, tenant, device_id, info) != APR_SUCCESS) {
        return error->status;
    }
    if (is_nothing(array)) {
        return none(error, tenant, device_id);
    }
    if (amlaps_json_kind(array) != AMLAPS_JSON_ARRAY) {
        return not_understood(error, tenant, device_id, "credentials is no list");
    }
    if (why_no_order(array)) {
        return not_understood(error, tenant, device_id, why_no_order(array));
    }
    if (read_entries(made, error, tenant, device_id, array, &reply->lifted, pool) != APR_SUCCESS) {
        return error->status;
    }
    made->expires = read_time(info, "refreshDateTime");
    *credentials = made;
    return APR_SUCCESS;
}

/* Begins an operation, and makes the id of a device one of Graph's. */
static apr_status_t begin(amlaps_tenant_state_t **state, char guid[AMLAPS_GUID_LENGTH + 1], amlaps_error_t *error, amlaps_graph_t *graph,
                          amlaps_call_t *call, const char *tenant, const char *device_id)
{
    if (amlaps_graph_begin(state, error, graph, call, tenant) != APR_SUCCESS) {
        return error->status;
    }
    if (!amlaps_text_guid(guid, device_id)) {
        return amlaps_error_set(error, AMLAPS_BAD_REQUEST, "AML0331", APR_EINVAL, "the device id is no GUID");
    }
    return APR_SUCCESS;
}

/* Passwords are lifted out of every answer, also where none was asked for: which members come is the other side's choice. */
static amlaps_ask_t ask_for(const char *members, const char *what, const amlaps_tenant_state_t *state, const char *guid, apr_pool_t *pool)
{
    return (amlaps_ask_t){.method = "GET",
                          .url = apr_pstrcat(pool, state->config->graph_url, "/v1.0/directory/deviceLocalCredentials/", guid,
                                             "?$select=", members, NULL),
                          .what = what,
                          .permission = "DeviceLocalCredential.Read.All",
                          .expected = absent,
                          .secrets = secrets,
                          .most = ANSWER_MOST};
}

apr_status_t amlaps_graph_credentials(amlaps_credentials_t **credentials, amlaps_error_t *error, amlaps_graph_t *graph,
                                      amlaps_call_t *call, const char *tenant, const char *device_id, apr_pool_t *pool)
{
    amlaps_tenant_state_t *state;
    amlaps_reply_t reply;
    char guid[AMLAPS_GUID_LENGTH + 1];

    *credentials = NULL;
    if (begin(&state, guid, error, graph, call, tenant, device_id) != APR_SUCCESS) {
        return error->status;
    }
    const amlaps_ask_t ask = ask_for("credentials", "the password of a device", state, guid, pool);
    apr_status_t status = amlaps_request(&reply, error, graph, state, call, &ask, pool);
    if (status != APR_SUCCESS) {
        return status;
    }
    status = read_answer(credentials, error, state->config, guid, &reply, pool);
    if (reply.lifted.text) {
        amlaps_secret_wipe(reply.lifted.text);
    }
    return status;
}

/* Without a time of backup there has been none: Macs are known here too, with nothing but their names. Microsoft writes the year 1 for never. */
static apr_status_t read_backup(amlaps_backup_t *backup, amlaps_error_t *error, const amlaps_tenant_t *tenant, const char *device_id,
                                const amlaps_reply_t *reply)
{
    const amlaps_json_t *info = unwrap(reply->json), *last = amlaps_json_member(info, "lastBackupDateTime");
    const char *text = amlaps_json_text(last);
    apr_time_t time = 0;

    if (reply->status == 404 || is_nothing(info)) {
        backup->there = 0;
        return APR_SUCCESS;
    }
    if (why_no_info(info)) {
        return not_understood(error, tenant, device_id, why_no_info(info));
    }
    if ((!is_nothing(last) || amlaps_json_member(info, "id")) && check_id(error, tenant, device_id, info) != APR_SUCCESS) {
        return error->status;
    }
    if (!is_nothing(last) && (!text || !amlaps_text_read_time(&time, text))) {
        return not_understood(error, tenant, device_id, "lastBackupDateTime is no time");
    }
    backup->there = time > 0;
    backup->backed_up = backup->there ? time : 0;
    backup->expires = backup->there ? read_time(info, "refreshDateTime") : 0;
    return APR_SUCCESS;
}

apr_status_t amlaps_graph_backup(amlaps_backup_t *backup, amlaps_error_t *error, amlaps_graph_t *graph, amlaps_call_t *call,
                                 const char *tenant, const char *device_id, apr_pool_t *pool)
{
    amlaps_tenant_state_t *state;
    amlaps_reply_t reply;
    char guid[AMLAPS_GUID_LENGTH + 1];

    *backup = (amlaps_backup_t){.there = -1};
    if (begin(&state, guid, error, graph, call, tenant, device_id) != APR_SUCCESS) {
        return error->status;
    }
    if (amlaps_facts_get_backup(backup, graph, state->config->name, guid, pool)) {
        return APR_SUCCESS;
    }
    amlaps_ask_t ask =
        ask_for("id,deviceName,lastBackupDateTime,refreshDateTime", "when the password of a device was backed up", state, guid, pool);
    ask.spare = 1;
    apr_status_t status = amlaps_request(&reply, error, graph, state, call, &ask, pool);
    if (status != APR_SUCCESS) {
        return status;
    }
    if (reply.lifted.text) {
        amlaps_secret_wipe(reply.lifted.text);
    }
    status = read_backup(backup, error, state->config, guid, &reply);
    if (status == APR_SUCCESS) {
        amlaps_facts_put_backup(graph, state->config->name, guid, backup, pool);
    }
    else {
        amlaps_log(AMLAPS_LOG_WARNING, error->id, error->status, "%s", error->detail);
    }
    return status;
}
