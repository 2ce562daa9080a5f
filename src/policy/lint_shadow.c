/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Rules in the shadow of an AMLapsDeny for anyone. What everybody is denied is kept by device, so that each value of a rule is looked up and
 * not compared with every other rule: thousands of rules may each close a device of their own.
 */

#include <apr_hash.h>
#include <apr_strings.h>
#include <string.h>

#include "amlaps/text.h"
#include "lint.h"

typedef struct shadow_t {
    const amlaps_rule_t *rule;
    apr_size_t position;
    int permissions;
} shadow_t;

struct amlaps_shadows_t {
    apr_pool_t *pool, *scratch;
    apr_hash_t *by_device; /* key_of() → array of shadow_t, in the order of the rules */
};

/* What is looked for while one rule is judged. */
typedef struct search_t {
    amlaps_shadows_t *shadows;
    const amlaps_rule_t *rule;
    apr_size_t before;
    int left;               /* permissions that nobody has taken yet */
    const amlaps_rule_t *by;
} search_t;

int amlaps_lint_closed(const amlaps_rule_t *rule)
{
    int closed = 0;
    apr_size_t i;

    for (i = 0; i < rule->entry_count; i++) {
        if (rule->entries[i].deny && rule->entries[i].kind == AMLAPS_PRINCIPAL_ANYONE) {
            closed |= rule->entries[i].permissions;
        }
    }
    return closed;
}

/* A tenant's name holds no line's end, nor does a kind of device. @param value "" where the kind has none */
static const char *key_of(const char *tenant, amlaps_selector_t selector, const char *value, apr_pool_t *pool)
{
    return apr_pstrcat(pool, tenant ? tenant : "", "\n", amlaps_selector_word(selector), "\n", value, NULL);
}

/* As a line's values are compared; lines without values have one, which is empty. */
static const char *text_of(const amlaps_line_t *line, apr_uint32_t index, apr_pool_t *pool)
{
    if (line->count == 0) {
        return "";
    }
    return line->selector == AMLAPS_SELECT_NAME ? amlaps_text_fold(line->values[index].text, pool) : line->values[index].text;
}

static apr_uint32_t texts_of(const amlaps_line_t *line)
{
    return line->count ? line->count : 1;
}

/* Leaves out what adds nothing to an earlier rule, so that a lookup stays short. */
static void cast(amlaps_shadows_t *shadows, const char *key, shadow_t shadow)
{
    apr_array_header_t *cast_here = apr_hash_get(shadows->by_device, key, APR_HASH_KEY_STRING);
    int i;

    if (!cast_here) {
        cast_here = apr_array_make(shadows->pool, 1, sizeof(shadow_t));
        apr_hash_set(shadows->by_device, apr_pstrdup(shadows->pool, key), APR_HASH_KEY_STRING, cast_here);
    }
    for (i = 0; i < cast_here->nelts; i++) {
        const shadow_t *other = &APR_ARRAY_IDX(cast_here, i, shadow_t);

        if ((other->permissions & shadow.permissions) == shadow.permissions && other->rule->until >= shadow.rule->until) {
            return;
        }
    }
    APR_ARRAY_PUSH(cast_here, shadow_t) = shadow;
}

amlaps_shadows_t *amlaps_shadows_gather(const amlaps_policy_t *policy, apr_time_t now, apr_pool_t *pool)
{
    amlaps_shadows_t *shadows = apr_pcalloc(pool, sizeof(*shadows));
    apr_size_t position, i;
    apr_uint32_t value;

    shadows->pool = pool;
    apr_pool_create(&shadows->scratch, pool);
    shadows->by_device = apr_hash_make(pool);
    for (position = 0; position < amlaps_policy_count(policy); position++) {
        const amlaps_rule_t *rule = amlaps_policy_rule(policy, position);
        shadow_t shadow = {rule, position, amlaps_lint_closed(rule)};

        if (rule->condition || amlaps_rule_is_expired(rule, now) || !shadow.permissions) {
            continue;
        }
        apr_pool_clear(shadows->scratch);
        for (i = 0; i < rule->line_count; i++) {
            for (value = 0; value < texts_of(&rule->lines[i]); value++) {
                cast(shadows, key_of(rule->tenant, rule->lines[i].selector, text_of(&rule->lines[i], value, shadows->scratch),
                                     shadows->scratch), shadow);
            }
        }
    }
    return shadows;
}

static void take(search_t *search, const char *tenant, amlaps_selector_t selector, const char *value)
{
    const apr_array_header_t *found = apr_hash_get(search->shadows->by_device, key_of(tenant, selector, value, search->shadows->scratch),
                                                   APR_HASH_KEY_STRING);
    int i;

    for (i = 0; found && i < found->nelts; i++) {
        const shadow_t *shadow = &APR_ARRAY_IDX(found, i, shadow_t);

        if (shadow->position < search->before && shadow->rule->until >= search->rule->until
            && (shadow->permissions & search->left)) {
            search->left &= ~shadow->permissions;
            search->by = search->by ? search->by : shadow->rule;
        }
    }
}

/* Every name that begins with the letters before a glob's first wildcard is matched by each of their beginnings with a star. */
static void take_beginnings(search_t *search, const char *tenant, const char *glob)
{
    size_t length;

    for (length = 0; length <= strcspn(glob, "*?"); length++) {
        take(search, tenant, AMLAPS_SELECT_NAME, apr_psprintf(search->shadows->scratch, "%.*s*", (int)length, glob));
    }
}

static void take_device(search_t *search, const char *tenant, amlaps_selector_t selector, const char *value)
{
    take(search, tenant, AMLAPS_SELECT_ALL, "");
    take(search, tenant, selector, value);
    if (selector == AMLAPS_SELECT_NAME) {
        take_beginnings(search, tenant, value);
    }
}

const amlaps_rule_t *amlaps_shadows_cover(amlaps_shadows_t *shadows, const amlaps_rule_t *rule, int permissions, apr_size_t before)
{
    search_t search = {shadows, rule, before, permissions, NULL};
    apr_uint32_t value;
    apr_size_t i;

    if (apr_hash_count(shadows->by_device) == 0) {
        return NULL;
    }
    apr_pool_clear(shadows->scratch);
    for (i = 0; i < rule->line_count; i++) {
        for (value = 0; value < texts_of(&rule->lines[i]); value++) {
            const char *text = text_of(&rule->lines[i], value, shadows->scratch);

            search.left = permissions;
            take_device(&search, NULL, rule->lines[i].selector, text);
            if (rule->tenant) {
                take_device(&search, rule->tenant, rule->lines[i].selector, text);
            }
            if (search.left) {
                return NULL;
            }
        }
    }
    return search.by;
}
