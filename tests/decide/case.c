/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* From a case in JSON to its answer. */

#include "case.h"

#include <string.h>

#include <apr_cstr.h>
#include <apr_strings.h>

#include "amlaps/policy.h"
#include "amlaps/text.h"

typedef struct texts_t {
    const char **items;
    apr_size_t count;
} texts_t;

/* Reads the members of one object; the first thing that is wrong is kept. */
typedef struct reader_t {
    apr_pool_t *pool;
    const char *wrong;
} reader_t;

static void complain(reader_t *reader, const char *where, const char *what)
{
    if (!reader->wrong) {
        reader->wrong = apr_pstrcat(reader->pool, where, ": ", what, NULL);
    }
}

static const char *read_text(reader_t *reader, const amlaps_json_t *object, const char *name, const char *missing)
{
    const amlaps_json_t *value = amlaps_json_member(object, name);
    amlaps_json_kind_t kind = amlaps_json_kind(value);

    if (kind == AMLAPS_JSON_NONE || kind == AMLAPS_JSON_NULL) {
        return missing;
    }
    if (kind != AMLAPS_JSON_TEXT) {
        complain(reader, name, "must be a text");
        return missing;
    }
    return amlaps_json_text(value);
}

static texts_t read_texts(reader_t *reader, const amlaps_json_t *object, const char *name)
{
    const amlaps_json_t *value = amlaps_json_member(object, name);
    amlaps_json_kind_t kind = amlaps_json_kind(value);
    texts_t texts = {NULL, 0};
    apr_size_t i;

    if (kind == AMLAPS_JSON_NONE || kind == AMLAPS_JSON_NULL) {
        return texts;
    }
    if (kind != AMLAPS_JSON_ARRAY && kind != AMLAPS_JSON_TEXT) {
        complain(reader, name, "must be an array of texts");
        return texts;
    }
    texts.count = kind == AMLAPS_JSON_TEXT ? 1 : amlaps_json_length(value);
    texts.items = apr_pcalloc(reader->pool, (texts.count + 1) * sizeof(*texts.items));
    for (i = 0; i < texts.count; i++) {
        texts.items[i] = amlaps_json_text(kind == AMLAPS_JSON_TEXT ? value : amlaps_json_item(value, i));
        if (!texts.items[i]) {
            complain(reader, name, "must hold texts only");
            texts.items[i] = "";
        }
    }
    return texts;
}

static const amlaps_json_t *read_object(reader_t *reader, const amlaps_json_t *object, const char *name)
{
    const amlaps_json_t *value = amlaps_json_member(object, name);

    if (amlaps_json_kind(value) != AMLAPS_JSON_OBJECT) {
        complain(reader, name, "must be an object");
    }
    return value;
}

static const amlaps_json_t *read_array(reader_t *reader, const amlaps_json_t *object, const char *name)
{
    const amlaps_json_t *value = amlaps_json_member(object, name);
    amlaps_json_kind_t kind = amlaps_json_kind(value);

    if (kind != AMLAPS_JSON_ARRAY && kind != AMLAPS_JSON_NONE && kind != AMLAPS_JSON_NULL) {
        complain(reader, name, "must be an array");
    }
    return value;
}

static int is_unknown(reader_t *reader, const amlaps_json_t *object, const char *fact)
{
    texts_t unknown = read_texts(reader, object, "unknown");
    apr_size_t i;

    for (i = 0; i < unknown.count; i++) {
        if (strcmp(unknown.items[i], fact) == 0) {
            return 1;
        }
    }
    return 0;
}

static amlaps_known_t read_truth(reader_t *reader, const amlaps_json_t *object, const char *name, amlaps_known_t missing)
{
    const amlaps_json_t *value = amlaps_json_member(object, name);
    amlaps_json_kind_t kind = amlaps_json_kind(value);
    int truth;

    if (is_unknown(reader, object, name) || kind == AMLAPS_JSON_NULL) {
        return AMLAPS_UNKNOWN;
    }
    if (kind == AMLAPS_JSON_NONE) {
        return missing;
    }
    if (!amlaps_json_bool(value, &truth)) {
        complain(reader, name, "must be true or false");
        return missing;
    }
    return truth ? AMLAPS_YES : AMLAPS_NO;
}

/* A misspelt fact would make a case say something else than it means. */
static void check_unknown(reader_t *reader, const amlaps_json_t *object, const char *const *facts)
{
    texts_t unknown = read_texts(reader, object, "unknown");
    apr_size_t i, fact;

    for (i = 0; i < unknown.count; i++) {
        for (fact = 0; facts[fact] && strcmp(facts[fact], unknown.items[i]) != 0; fact++) {
        }
        if (!facts[fact]) {
            complain(reader, "unknown", unknown.items[i]);
        }
    }
}

static int is_empty_array(const amlaps_json_t *object, const char *name)
{
    const amlaps_json_t *value = amlaps_json_member(object, name);

    return amlaps_json_kind(value) == AMLAPS_JSON_ARRAY && amlaps_json_length(value) == 0;
}

/* Whether an array of values is empty where the kind is not one that is complete without. */
static int names_nothing(const amlaps_json_t *from, const char *kind, const char *complete, const char *complete_too)
{
    return is_empty_array(from, "values") && apr_cstr_casecmp(kind, complete) != 0 && apr_cstr_casecmp(kind, complete_too) != 0;
}

/* How many lines there are that name somebody. */
static int read_entries(reader_t *reader, amlaps_rule_t *rule, const amlaps_json_t *from, const char *name, int deny)
{
    const amlaps_json_t *entries = read_array(reader, from, name);
    apr_size_t i, j;
    int added = 0;

    for (i = 0; i < amlaps_json_length(entries); i++) {
        const amlaps_json_t *entry = amlaps_json_item(entries, i);
        texts_t permissions = read_texts(reader, entry, "permissions"), values = read_texts(reader, entry, "values");
        const char *kind = read_text(reader, entry, "kind", ""), *claim = read_text(reader, entry, "name", ""), *wrong;
        const char **words = apr_pcalloc(reader->pool, (values.count + 3) * sizeof(*words));
        const int is_claim = apr_cstr_casecmp(kind, "claim") == 0;
        int count = 2;

        words[0] = "";
        for (j = 0; j < permissions.count; j++) {
            words[0] = apr_pstrcat(reader->pool, words[0], j ? "," : "", permissions.items[j], NULL);
        }
        words[1] = kind;
        if (is_claim) {
            words[count++] = claim;
        }
        for (j = 0; j < values.count; j++) {
            words[count++] = values.items[j];
        }
        if (!*claim != !is_claim) {
            complain(reader, "name", is_claim ? "a claim needs one" : "only a claim has one");
        }
        if (names_nothing(entry, kind, "anyone", "anyone")) {
            continue;
        }
        wrong = reader->wrong ? NULL : amlaps_rule_add_entry(rule, deny, words, count);
        if (wrong) {
            complain(reader, name, wrong);
        }
        added++;
    }
    return added;
}

/* How many lines there are that name a device. */
static int read_devices(reader_t *reader, amlaps_rule_t *rule, const amlaps_json_t *from)
{
    const amlaps_json_t *devices = read_array(reader, from, "devices");
    int added = 0;
    apr_size_t i;

    for (i = 0; !reader->wrong && i < amlaps_json_length(devices); i++) {
        const amlaps_json_t *device = amlaps_json_item(devices, i);
        const char *kind = read_text(reader, device, "kind", ""), *wrong;
        texts_t values = read_texts(reader, device, "values");

        if (names_nothing(device, kind, "all", "owner")) {
            continue;
        }
        wrong = amlaps_rule_add_device(rule, kind, values.items, (int)values.count);
        if (wrong) {
            complain(reader, "devices", wrong);
        }
        added++;
    }
    return added;
}

static void read_rule(reader_t *reader, amlaps_policy_t *policy, const amlaps_json_t *from)
{
    const char *expires = read_text(reader, from, "expires", NULL), *wrong = NULL;
    const char *tenant = read_text(reader, from, "tenant", "");
    amlaps_rule_t *rule = amlaps_rule_make(read_text(reader, from, "description", ""), *tenant ? tenant : NULL, NULL, reader->pool);
    const int devices = read_devices(reader, rule, from);
    const int people = read_entries(reader, rule, from, "allow", 0) + read_entries(reader, rule, from, "deny", 1);

    wrong = expires ? amlaps_rule_set_expires(rule, expires) : NULL;
    if (wrong) {
        complain(reader, "expires", wrong);
    }
    if (!*amlaps_rule_description(rule)) {
        complain(reader, "description", "every rule needs one");
    }
    if (!devices || !people) {
        return;
    }
    wrong = amlaps_rule_check(rule);
    if (wrong) {
        complain(reader, "rules", wrong);
    }
    amlaps_policy_add(policy, rule);
}

static void read_person(reader_t *reader, amlaps_person_t *person, const amlaps_json_t *from)
{
    static const char *const facts[] = {"groups", NULL};
    texts_t groups = read_texts(reader, from, "groups"), roles = read_texts(reader, from, "roles");
    amlaps_json_kind_t claims;

    memset(person, 0, sizeof(*person));
    check_unknown(reader, from, facts);
    person->oid = read_text(reader, from, "oid", NULL);
    person->username = read_text(reader, from, "username", NULL);
    person->groups = groups.items;
    person->group_count = groups.count;
    person->groups_known = !is_unknown(reader, from, "groups");
    person->roles = roles.items;
    person->role_count = roles.count;
    person->claims = amlaps_json_member(from, "claims");
    claims = amlaps_json_kind(person->claims);
    if (claims != AMLAPS_JSON_NONE && claims != AMLAPS_JSON_NULL && claims != AMLAPS_JSON_OBJECT) {
        complain(reader, "claims", "must be an object");
    }
}

/* NULL: could not be looked up. */
static const char *read_fact(reader_t *reader, const amlaps_json_t *object, const char *name, const char *missing)
{
    const char *text = read_text(reader, object, name, missing);

    return is_unknown(reader, object, name) ? NULL : text;
}

static void read_device(reader_t *reader, amlaps_device_t *device, const amlaps_json_t *from)
{
    static const char *const facts[] = {"tenant", "deviceId", "name", "os", "join", "enabled", "compliant", "owner", "groups", "units", NULL};
    texts_t groups = read_texts(reader, from, "groups"), units = read_texts(reader, from, "units");

    memset(device, 0, sizeof(*device));
    check_unknown(reader, from, facts);
    device->tenant = read_fact(reader, from, "tenant", "");
    device->device_id = read_fact(reader, from, "deviceId", "");
    device->name = read_fact(reader, from, "name", "");
    device->os = read_fact(reader, from, "os", NULL);
    device->join = read_fact(reader, from, "join", NULL);
    device->enabled = read_truth(reader, from, "enabled", AMLAPS_UNKNOWN);
    device->compliant = read_truth(reader, from, "compliant", AMLAPS_UNKNOWN);
    device->owner = read_truth(reader, from, "owner", AMLAPS_NO);
    device->groups = groups.items;
    device->group_count = groups.count;
    device->groups_known = !is_unknown(reader, from, "groups");
    device->units = units.items;
    device->unit_count = units.count;
    device->units_known = !is_unknown(reader, from, "units");
}

static amlaps_json_t *write_decision(const amlaps_policy_t *policy, amlaps_permission_t permission, const amlaps_question_t *question,
                                     apr_pool_t *pool)
{
    static const char *const verdicts[] = {"deny", "allow", "undecidable"};
    amlaps_json_t *answer = amlaps_json_make_object(pool);
    amlaps_decision_t decision;

    amlaps_policy_decide(&decision, policy, permission, question);
    amlaps_json_set_text(answer, "decision", verdicts[decision.verdict]);
    amlaps_json_set_text(answer, "rule", decision.rule ? amlaps_rule_description(decision.rule) : NULL);
    return answer;
}

amlaps_json_t *decide_case(const char *line, apr_size_t length, apr_pool_t *pool)
{
    amlaps_json_t *answer = amlaps_json_make_object(pool), *from;
    amlaps_policy_t *policy = amlaps_policy_make(pool);
    reader_t reader = {pool, NULL};
    const amlaps_json_t *rules;
    amlaps_person_t person;
    amlaps_device_t device;
    amlaps_question_t question = {&person, &device, apr_time_now(), NULL};
    const char *time;
    char why[160];
    apr_size_t i;

    if (amlaps_json_parse(&from, why, line, length, pool) != APR_SUCCESS) {
        amlaps_json_set_text(answer, "error", why);
        return answer;
    }
    rules = read_array(&reader, from, "rules");
    for (i = 0; i < amlaps_json_length(rules); i++) {
        read_rule(&reader, policy, amlaps_json_item(rules, i));
    }
    read_person(&reader, &person, read_object(&reader, from, "person"));
    read_device(&reader, &device, read_object(&reader, from, "device"));
    time = read_text(&reader, from, "time", NULL);
    if (time && !amlaps_text_read_time(&question.now, time)) {
        complain(&reader, "time", "write ISO 8601, such as 2026-11-22T16:00:00Z");
    }
    if (reader.wrong) {
        amlaps_json_set_text(answer, "error", reader.wrong);
        return answer;
    }
    amlaps_policy_compile(policy);
    amlaps_json_set(answer, "password", write_decision(policy, AMLAPS_PERMISSION_PASSWORD, &question, pool));
    amlaps_json_set(answer, "history", write_decision(policy, AMLAPS_PERMISSION_HISTORY, &question, pool));
    return answer;
}
