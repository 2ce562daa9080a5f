/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "scenario.h"

#include <apr_strings.h>

#include "amlaps/text.h"

typedef struct reader_t {
    amlaps_scenario_t *scenario;
    amlaps_json_t *claims;
    apr_pool_t *pool;
} reader_t;

/* Lists are separated by commas; a group whose name holds a comma can't be written here, only in JSON. */
static const char *const *split(apr_size_t *count, const char *value, apr_pool_t *pool)
{
    apr_array_header_t *list = apr_array_make(pool, 4, sizeof(const char *));
    char *rest = apr_pstrdup(pool, value), *comma;

    for (; rest && *rest; rest = comma ? comma + 1 : NULL) {
        if ((comma = strchr(rest, ','))) {
            *comma = '\0';
        }
        if (*rest) {
            APR_ARRAY_PUSH(list, const char *) = rest;
        }
    }
    *count = (apr_size_t)list->nelts;
    return (const char *const *)list->elts;
}

static const char *split_guids(const char *const **list, apr_size_t *count, const char *key, const char *value, apr_pool_t *pool)
{
    const char *const *words = split(count, value, pool);
    const char **guids = apr_palloc(pool, (*count + 1) * sizeof(*guids));
    char guid[AMLAPS_GUID_LENGTH + 1];
    apr_size_t i;

    for (i = 0; i < *count; i++) {
        if (!amlaps_text_guid(guid, words[i])) {
            return apr_psprintf(pool, "%s=%s: '%s' is no GUID", key, value, words[i]);
        }
        guids[i] = apr_pstrdup(pool, guid);
    }
    *list = guids;
    return NULL;
}

static const char *read_guid(const char **target, const char *key, const char *value, apr_pool_t *pool)
{
    char guid[AMLAPS_GUID_LENGTH + 1];

    if (!amlaps_text_guid(guid, value)) {
        return apr_psprintf(pool, "%s=%s: write a GUID", key, value);
    }
    *target = apr_pstrdup(pool, guid);
    return NULL;
}

static const char *read_person(int *known, reader_t *reader, const char *key, const char *value)
{
    amlaps_person_t *person = &reader->scenario->person;

    *known = 1;
    if (!strcmp(key, "user")) {
        person->username = value;
    } else if (!strcmp(key, "oid")) {
        return read_guid(&person->oid, key, value, reader->pool);
    } else if (!strcmp(key, "groups")) {
        person->groups = split(&person->group_count, value, reader->pool);
    } else if (!strcmp(key, "roles")) {
        person->roles = split(&person->role_count, value, reader->pool);
    } else if (!strncmp(key, "claim.", 6) && key[6]) {
        amlaps_json_set_text(reader->claims, key + 6, value);
    } else {
        *known = 0;
    }
    return NULL;
}

static const char *read_device(int *known, reader_t *reader, const char *key, const char *value)
{
    amlaps_device_t *device = &reader->scenario->device;

    *known = 1;
    if (!strcmp(key, "tenant")) {
        device->tenant = value;
    } else if (!strcmp(key, "device")) {
        device->name = value;
    } else if (!strcmp(key, "device-id")) {
        return read_guid(&device->device_id, key, value, reader->pool);
    } else if (!strcmp(key, "device-groups")) {
        return split_guids(&device->groups, &device->group_count, key, value, reader->pool);
    } else if (!strcmp(key, "device-units")) {
        return split_guids(&device->units, &device->unit_count, key, value, reader->pool);
    } else if (!strcmp(key, "os")) {
        device->os = value;
    } else if (!strcmp(key, "join")) {
        device->join = value;
    } else if (!strcmp(key, "owner")) {
        if (strcmp(value, "yes") && strcmp(value, "no")) {
            return apr_psprintf(reader->pool, "owner=%s: write owner=yes or owner=no", value);
        }
        device->owner = strcmp(value, "yes") ? AMLAPS_NO : AMLAPS_YES;
    } else {
        *known = 0;
    }
    return NULL;
}

static const char *read_circumstance(int *known, reader_t *reader, const char *key, const char *value)
{
    amlaps_scenario_t *scenario = reader->scenario;

    *known = 1;
    if (!strcmp(key, "address")) {
        apr_ipsubnet_t *subnet;

        if (apr_ipsubnet_create(&subnet, value, NULL, reader->pool) != APR_SUCCESS) {
            return apr_psprintf(reader->pool, "address=%s: write an IP address", value);
        }
        scenario->circumstances.address = value;
    } else if (!strcmp(key, "time")) {
        if (!amlaps_text_read_time(&scenario->circumstances.now, value)) {
            return apr_psprintf(reader->pool, "time=%s: write ISO 8601, such as 2026-11-22T16:00:00Z", value);
        }
    } else {
        *known = 0;
    }
    return NULL;
}

static const char *read_word(reader_t *reader, const char *word)
{
    static const char *(*const readers[])(int *, reader_t *, const char *, const char *) = { read_person, read_device, read_circumstance };
    const char *equals = strchr(word, '='), *mistake = NULL;
    const char *key;
    int known = 0;
    size_t i;

    if (!equals || equals == word) {
        return apr_psprintf(reader->pool, "'%s' is no KEY=VALUE", word);
    }
    key = apr_pstrmemdup(reader->pool, word, (apr_size_t)(equals - word));
    for (i = 0; i < sizeof(readers) / sizeof(readers[0]) && !known && !mistake; i++) {
        mistake = readers[i](&known, reader, key, equals + 1);
    }
    if (!known && !mistake) {
        mistake = apr_psprintf(reader->pool, "'%s' is no key; write one of tenant, user, oid, groups, roles, claim.NAME, device, device-id, "
                               "device-groups, device-units, os, join, owner, address, time", key);
    }
    return mistake;
}

/* What ap_expr and the log look at in a request; conditions take everything else from the scenario. */
static request_rec *make_request(server_rec *server, apr_pool_t *pool)
{
    request_rec *r = apr_pcalloc(pool, sizeof(*r));
    conn_rec *connection = apr_pcalloc(pool, sizeof(*connection));

    connection->pool = pool;
    connection->base_server = server;
    connection->notes = apr_table_make(pool, 1);
    r->pool = pool;
    r->server = server;
    r->connection = connection;
    r->headers_in = apr_table_make(pool, 1);
    r->headers_out = apr_table_make(pool, 1);
    r->err_headers_out = apr_table_make(pool, 1);
    r->subprocess_env = apr_table_make(pool, 1);
    r->notes = apr_table_make(pool, 1);
    r->method = "GET";
    r->uri = r->unparsed_uri = r->the_request = "/";
    return r;
}

const char *amlaps_scenario_read(amlaps_scenario_t **result, const char *const *words, int count, server_rec *server, apr_pool_t *pool)
{
    amlaps_scenario_t *scenario = apr_pcalloc(pool, sizeof(*scenario));
    reader_t reader = { scenario, amlaps_json_make_object(pool), pool };
    const char *mistake = NULL;
    int i;

    *result = scenario;
    scenario->person.groups_known = 1;
    scenario->person.claims = reader.claims;
    scenario->device.groups_known = scenario->device.units_known = 1;
    scenario->device.device_id = "";
    scenario->device.name = "";
    scenario->circumstances.r = make_request(server, pool);
    scenario->circumstances.address = "127.0.0.1";
    scenario->circumstances.now = apr_time_now();
    scenario->circumstances.https = 1;
    for (i = 0; i < count && !mistake; i++) {
        mistake = read_word(&reader, words[i]);
    }
    if (!mistake && !scenario->device.tenant) {
        const amlaps_config_t *config = amlaps_config_of(server);

        scenario->device.tenant = config->tenants->nelts ? APR_ARRAY_IDX(config->tenants, 0, amlaps_tenant_config_t *)->tenant.name : "";
    }
    scenario->question.person = &scenario->person;
    scenario->question.device = &scenario->device;
    scenario->question.now = scenario->circumstances.now;
    scenario->question.request = &scenario->circumstances;
    return mistake;
}

const char *amlaps_scenario_verdict(amlaps_verdict_t verdict)
{
    static const char *const words[] = { [AMLAPS_DENY] = "deny", [AMLAPS_ALLOW] = "allow", [AMLAPS_UNDECIDABLE] = "undecidable" };

    return words[verdict];
}

static const char *permissions(int bits)
{
    return bits == AMLAPS_PERMISSION_ALL ? "password and history" : bits == AMLAPS_PERMISSION_PASSWORD ? "password" : "history";
}

static const char *explain_rule(const amlaps_rule_explanation_t *rule, int number, apr_pool_t *pool)
{
    static const char *const matched[] = { "no match", "matched" };

    return apr_psprintf(pool, "%4d  %-9s  \"%s\" (%s)%s%s%s%s\n      %s\n", number,
                        rule->matched == AMLAPS_UNKNOWN ? "unknown" : matched[rule->matched == AMLAPS_YES],
                        amlaps_rule_description(rule->rule), amlaps_rule_origin(rule->rule), rule->allows ? ", allows " : "",
                        rule->allows ? permissions(rule->allows) : "", rule->denies ? ", denies " : "",
                        rule->denies ? permissions(rule->denies) : "", rule->why);
}

static const char *explain_decision(const amlaps_scenario_t *scenario, const amlaps_policy_t *policy, amlaps_permission_t permission,
                                    apr_pool_t *pool)
{
    amlaps_decision_t decision;

    amlaps_policy_decide(&decision, policy, permission, &scenario->question);
    return apr_psprintf(pool, "%-9s %s%s%s%s\n", permissions(permission), amlaps_scenario_verdict(decision.verdict),
                        decision.rule ? " by \"" : ", no rule grants it", decision.rule ? amlaps_rule_description(decision.rule) : "",
                        decision.rule ? "\"" : "");
}

const char *amlaps_scenario_explain(const amlaps_scenario_t *scenario, const amlaps_policy_t *policy, apr_pool_t *pool)
{
    apr_array_header_t *rules = amlaps_policy_explain(policy, &scenario->question, pool);
    apr_array_header_t *lines = apr_array_make(pool, rules->nelts + 1, sizeof(const char *));
    int i;

    for (i = 0; i < rules->nelts; i++) {
        APR_ARRAY_PUSH(lines, const char *) = explain_rule(&APR_ARRAY_IDX(rules, i, amlaps_rule_explanation_t), i + 1, pool);
    }
    return apr_pstrcat(pool, apr_array_pstrcat(pool, lines, '\0'), explain_decision(scenario, policy, AMLAPS_PERMISSION_PASSWORD, pool),
                       explain_decision(scenario, policy, AMLAPS_PERMISSION_HISTORY, pool), NULL);
}
