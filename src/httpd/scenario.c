/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "scenario.h"

#include <apr_strings.h>

#include "amlaps/text.h"

typedef struct reader_t {
    amlaps_scenario_t *scenario;
    amlaps_json_t *claims;
    apr_table_t *seen;         /* keys */
    const amlaps_config_t *config;
    apr_pool_t *pool;
} reader_t;

static int copy_member(void *object, const char *name, amlaps_json_t *value)
{
    amlaps_json_set(object, name, value);
    return 1;
}

static void set_list(amlaps_json_t *claims, const char *name, const char *const *texts, apr_size_t count, apr_pool_t *pool)
{
    amlaps_json_t *list = amlaps_json_make_array(pool);
    apr_size_t i;

    for (i = 0; i < count; i++) {
        amlaps_json_add_text(list, texts[i]);
    }
    if (count) {
        amlaps_json_set(claims, name, list);
    }
}

const amlaps_json_t *amlaps_scenario_claims(const amlaps_json_t *given, const amlaps_person_t *person, apr_pool_t *pool)
{
    amlaps_json_t *claims = amlaps_json_make_object(pool);

    amlaps_json_set_known(claims, "oid", person->oid);
    amlaps_json_set_known(claims, "preferred_username", person->username);
    set_list(claims, "groups", person->groups, person->group_count, pool);
    set_list(claims, "roles", person->roles, person->role_count, pool);
    amlaps_json_each(given, copy_member, claims);
    return claims;
}

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

/* A claim that is given several times is a list. */
static void add_claim(amlaps_json_t *claims, const char *name, const char *value, apr_pool_t *pool)
{
    amlaps_json_t *before = amlaps_json_member(claims, name), *list = before;

    if (!before) {
        amlaps_json_set_text(claims, name, value);
        return;
    }
    if (amlaps_json_kind(before) == AMLAPS_JSON_TEXT) {
        list = amlaps_json_make_array(pool);
        amlaps_json_add(list, before);
        amlaps_json_set(claims, name, list);
    }
    amlaps_json_add_text(list, value);
}

static const char *read_yes(amlaps_known_t *known, const char *key, const char *value, apr_pool_t *pool)
{
    if (strcmp(value, "yes") && strcmp(value, "no")) {
        return apr_psprintf(pool, "%s=%s: write %s=yes or %s=no", key, value, key, key);
    }
    *known = strcmp(value, "yes") ? AMLAPS_NO : AMLAPS_YES;
    return NULL;
}

static const char *read_tenant(const char **tenant, const amlaps_config_t *config, const char *value, apr_pool_t *pool)
{
    int i;

    for (i = 0; i < config->tenants->nelts; i++) {
        const char *name = APR_ARRAY_IDX(config->tenants, i, amlaps_tenant_config_t *)->tenant.name;

        if (!strcmp(name, value)) {
            *tenant = name;
            return NULL;
        }
    }
    return apr_psprintf(pool, "tenant=%s: write the NAME of an <AMLapsTenant>", value);
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
        add_claim(reader->claims, key + 6, value, reader->pool);
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
        return read_tenant(&device->tenant, reader->config, value, reader->pool);
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
        return read_yes(&device->owner, key, value, reader->pool);
    } else if (!strcmp(key, "compliant")) {
        return read_yes(&device->compliant, key, value, reader->pool);
    } else if (!strcmp(key, "enabled")) {
        return read_yes(&device->enabled, key, value, reader->pool);
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
        if (!amlaps_when_is_address(value)) {
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
        return apr_psprintf(reader->pool, "'%s' is no KEY=VALUE; write one such as device=LON-001, with quotes around a value that has spaces, such as user=\"a b\"", word);
    }
    key = apr_pstrmemdup(reader->pool, word, (apr_size_t)(equals - word));
    if (apr_table_get(reader->seen, key) && strncmp(key, "claim.", 6)) {
        return apr_psprintf(reader->pool, "'%s' stands twice; separate the values of a list by commas", key);
    }
    apr_table_setn(reader->seen, key, "");
    for (i = 0; i < sizeof(readers) / sizeof(readers[0]) && !known && !mistake; i++) {
        mistake = readers[i](&known, reader, key, equals + 1);
    }
    if (!known && !mistake) {
        mistake = apr_psprintf(reader->pool, "'%s' is no key; write one of tenant, user, oid, groups, roles, claim.NAME, device, device-id, "
                               "device-groups, device-units, os, join, compliant, enabled, owner, address, time", key);
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
    reader_t reader = { scenario, amlaps_json_make_object(pool), apr_table_make(pool, 8), amlaps_config_of(server), pool };
    const char *mistake = NULL;
    int i;

    *result = scenario;
    scenario->person.groups_known = 1;
    scenario->device.groups_known = scenario->device.units_known = 1;
    scenario->device.device_id = "";
    scenario->device.name = "";
    scenario->device.compliant = scenario->device.enabled = AMLAPS_UNKNOWN;
    scenario->circumstances.r = make_request(server, pool);
    scenario->circumstances.address = "127.0.0.1";
    scenario->circumstances.now = apr_time_now();
    scenario->circumstances.https = 1;
    for (i = 0; i < count && !mistake; i++) {
        mistake = read_word(&reader, words[i]);
    }
    if (!mistake && !scenario->device.tenant && amlaps_config_active(reader.config)) {
        scenario->device.tenant = APR_ARRAY_IDX(reader.config->tenants, 0, amlaps_tenant_config_t *)->tenant.name;
    }
    scenario->person.claims = amlaps_scenario_claims(reader.claims, &scenario->person, pool);
    scenario->circumstances.r->useragent_ip = apr_pstrdup(pool, scenario->circumstances.address);
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
