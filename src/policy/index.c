/* Licensed under the Apache License, Version 2.0; see LICENSE. */

#include "index.h"

#include <stdio.h>
#include <string.h>

#include "amlaps/text.h"
#include "hash.h"

#define GROUP_BATCH 32

/* Equal values of two kinds share a hash, which is rare enough; those of many claims ("true") must not. */
static apr_uint64_t key_hash(const char *claim, apr_uint64_t value_hash)
{
    apr_uint64_t hash = value_hash;

    if (claim) {
        hash = (hash ^ amlaps_hash_folded(claim)) * 0x9e3779b97f4a7c15ULL;
    }
    return hash ^ (hash >> 29);
}

static int is_key(const amlaps_key_t *key, amlaps_principal_t kind, const char *claim, const char *value)
{
    if (key->kind != (apr_byte_t)kind || (claim && strcmp(key->claim, claim) != 0)) {
        return 0;
    }
    if (kind == AMLAPS_PRINCIPAL_USER || kind == AMLAPS_PRINCIPAL_GROUP) {
        return amlaps_hash_equal_folded(key->value, value);
    }
    return strcmp(key->value, value) == 0;
}

static amlaps_slot_t *first_slot(const amlaps_policy_t *policy, apr_uint64_t hash)
{
    return &policy->slots[(apr_uint32_t)(hash >> 32) & policy->mask];
}

static amlaps_slot_t *next_slot(const amlaps_policy_t *policy, amlaps_slot_t *slot)
{
    return slot == &policy->slots[policy->mask] ? policy->slots : slot + 1;
}

/* @return the first slot that may be the key's, or the empty one where it would go; reads no key */
static amlaps_slot_t *tagged_slot(const amlaps_policy_t *policy, apr_uint64_t hash)
{
    amlaps_slot_t *slot = first_slot(policy, hash);

    while (slot->key != 0 && slot->tag != (apr_uint32_t)hash) {
        slot = next_slot(policy, slot);
    }
    return slot;
}

/* @return the slot of the key, or the empty one where it would go */
static amlaps_slot_t *find_slot(const amlaps_policy_t *policy, amlaps_principal_t kind, const char *claim, const char *value,
                                apr_uint64_t hash)
{
    amlaps_slot_t *slot = tagged_slot(policy, hash);

    while (slot->key != 0 && (slot->tag != (apr_uint32_t)hash || !is_key(&policy->keys[slot->key - 1], kind, claim, value))) {
        slot = next_slot(policy, slot);
    }
    return slot;
}

/* ---- building ---- */

typedef struct build_t {
    amlaps_policy_t *policy;
    apr_uint32_t key_count;
    apr_array_header_t *found; /* of found_t, in the order of the rules */
} build_t;

typedef struct found_t {
    apr_uint32_t key;
    amlaps_posting_t posting;
} found_t;

static amlaps_posting_t make_posting(const amlaps_policy_t *policy, apr_size_t position, const amlaps_entry_t *entry)
{
    amlaps_posting_t posting = {AMLAPS_POLICY_RULE(policy, position), (apr_uint32_t)position, 0, 0};

    if (entry->deny) {
        posting.denies = (apr_byte_t)entry->permissions;
    }
    else {
        posting.allows = (apr_byte_t)entry->permissions;
    }
    return posting;
}

/* Entries of one rule for the same people become one posting. */
static void add_posting(apr_array_header_t *postings, amlaps_posting_t posting)
{
    amlaps_posting_t *last = (amlaps_posting_t *)postings->elts + postings->nelts - 1;

    if (postings->nelts == 0 || last->position != posting.position) {
        *(amlaps_posting_t *)apr_array_push(postings) = posting;
        return;
    }
    last->allows |= posting.allows;
    last->denies |= posting.denies;
}

static void add_claim(amlaps_policy_t *policy, const char *claim)
{
    int i;

    for (i = 0; i < policy->claims->nelts; i++) {
        if (strcmp(APR_ARRAY_IDX(policy->claims, i, const char *), claim) == 0) {
            return;
        }
    }
    APR_ARRAY_PUSH(policy->claims, const char *) = claim;
}

static void add_value(build_t *build, const amlaps_entry_t *entry, const amlaps_value_t *value, amlaps_posting_t posting)
{
    apr_uint64_t hash = key_hash(entry->claim, value->hash);
    amlaps_slot_t *slot = find_slot(build->policy, entry->kind, entry->claim, value->text, hash);
    found_t *found;

    if (slot->key == 0) {
        amlaps_key_t *key = &build->policy->keys[build->key_count++];

        key->kind = (apr_byte_t)entry->kind;
        key->claim = entry->claim;
        key->value = strlen(value->text) < AMLAPS_KEY_ROOM ? strcpy(key->here, value->text) : value->text;
        slot->tag = (apr_uint32_t)hash;
        slot->key = build->key_count;
    }
    build->policy->keys[slot->key - 1].count++;
    found = apr_array_push(build->found);
    found->key = slot->key - 1;
    found->posting = posting;
}

static void add_entry(build_t *build, apr_size_t position, const amlaps_entry_t *entry)
{
    amlaps_posting_t posting = make_posting(build->policy, position, entry);
    apr_size_t i;

    if (entry->kind == AMLAPS_PRINCIPAL_ANYONE) {
        add_posting(build->policy->anyone, posting);
    }
    if (entry->of_groups) {
        add_posting(build->policy->by_group, posting);
    }
    if (entry->kind == AMLAPS_PRINCIPAL_CLAIM) {
        add_claim(build->policy, entry->claim);
    }
    for (i = 0; i < entry->count; i++) {
        add_value(build, entry, &entry->values[i], posting);
    }
}

static apr_size_t count_values(const amlaps_policy_t *policy)
{
    apr_size_t rule, entry, count = 0;

    for (rule = 0; rule < amlaps_policy_count(policy); rule++) {
        for (entry = 0; entry < AMLAPS_POLICY_RULE(policy, rule)->entry_count; entry++) {
            count += AMLAPS_POLICY_RULE(policy, rule)->entries[entry].count;
        }
    }
    return count;
}

/* Postings of one key come to lie side by side. */
static void place_postings(const build_t *build)
{
    amlaps_policy_t *policy = build->policy;
    apr_uint32_t key, first = 0;
    int i;

    for (key = 0; key < build->key_count; key++) {
        policy->keys[key].first = first;
        first += policy->keys[key].count;
        policy->keys[key].count = 0;
    }
    for (i = 0; i < build->found->nelts; i++) {
        const found_t *found = &APR_ARRAY_IDX(build->found, i, found_t);
        amlaps_key_t *target = &policy->keys[found->key];

        policy->postings[target->first + target->count++] = found->posting;
    }
}

static amlaps_key_t *make_keys(apr_size_t count, apr_pool_t *pool)
{
    char *room = apr_pcalloc(pool, count * sizeof(amlaps_key_t) + AMLAPS_CACHE_LINE);

    return (amlaps_key_t *)(room + (AMLAPS_CACHE_LINE - (apr_uintptr_t)room % AMLAPS_CACHE_LINE));
}

void amlaps_index_build(amlaps_policy_t *policy)
{
    apr_size_t values = count_values(policy), slots = 2, rule, entry;
    build_t build = {policy, 0, NULL};

    while (slots < values * 2) {
        slots *= 2;
    }
    policy->slots = apr_pcalloc(policy->pool, slots * sizeof(*policy->slots));
    policy->mask = (apr_uint32_t)(slots - 1);
    policy->keys = make_keys(values, policy->pool);
    policy->postings = apr_pcalloc(policy->pool, (values + 1) * sizeof(*policy->postings));
    policy->anyone = apr_array_make(policy->pool, 1, sizeof(amlaps_posting_t));
    policy->by_group = apr_array_make(policy->pool, 1, sizeof(amlaps_posting_t));
    policy->claims = apr_array_make(policy->pool, 1, sizeof(const char *));
    build.found = apr_array_make(policy->pool, (int)values + 1, sizeof(found_t));
    for (rule = 0; rule < amlaps_policy_count(policy); rule++) {
        const amlaps_rule_t *added = AMLAPS_POLICY_RULE(policy, rule);

        for (entry = 0; entry < added->entry_count; entry++) {
            add_entry(&build, rule, &added->entries[entry]);
        }
    }
    place_postings(&build);
}

/* ---- looking up ---- */

typedef struct visit_t {
    const amlaps_policy_t *policy;
    amlaps_index_visit_t visit;
    void *baton;
} visit_t;

static void look_up_hash(const visit_t *v, amlaps_principal_t kind, const char *claim, const char *value, apr_uint64_t hash)
{
    const amlaps_policy_t *policy = v->policy;
    const amlaps_slot_t *slot = find_slot(policy, kind, claim, value, hash);

    if (slot->key != 0) {
        const amlaps_key_t *key = &policy->keys[slot->key - 1];

        v->visit(v->baton, policy->postings + key->first, key->count);
    }
}

static void look_up(const visit_t *v, amlaps_principal_t kind, const char *claim, const char *value)
{
    look_up_hash(v, kind, claim, value, key_hash(claim, amlaps_hash_folded(value)));
}

/*
 * Groups are what people have many of, and with thousands of rules every step of a look-up waits for memory. Taken together, step by
 * step, the waits of a whole batch overlap, which makes a decision three times as fast.
 */
static void look_up_groups(const visit_t *v, const char *const *groups, apr_size_t count)
{
    const amlaps_policy_t *policy = v->policy;
    const amlaps_key_t *keys[GROUP_BATCH]; /* what the first slot with a group's tag leads to: nearly always the right one */
    const char *found[GROUP_BATCH];        /* groups that have one; the others are in no rule */
    apr_uint64_t hashes[GROUP_BATCH];
    apr_size_t i, left = 0;

    for (i = 0; i < count; i++) {
        hashes[i] = key_hash(NULL, amlaps_hash_folded(groups[i]));
        __builtin_prefetch(first_slot(policy, hashes[i]));
    }
    for (i = 0; i < count; i++) {
        const amlaps_slot_t *slot = tagged_slot(policy, hashes[i]);

        if (slot->key != 0) {
            hashes[left] = hashes[i];
            found[left] = groups[i];
            keys[left] = &policy->keys[slot->key - 1];
            __builtin_prefetch(keys[left++]);
        }
    }
    for (i = 0; i < left; i++) {
        __builtin_prefetch(&policy->postings[keys[i]->first]);
    }
    for (i = 0; i < left; i++) {
        __builtin_prefetch(policy->postings[keys[i]->first].rule);
    }
    for (i = 0; i < left; i++) {
        __builtin_prefetch(policy->postings[keys[i]->first].rule->only_line.values);
    }
    for (i = 0; i < left; i++) {
        look_up_hash(v, AMLAPS_PRINCIPAL_GROUP, NULL, found[i], hashes[i]);
    }
}

const char *amlaps_claim_text(char scratch[AMLAPS_CLAIM_SCRATCH], const amlaps_json_t *item)
{
    apr_int64_t number;
    int truth;

    if (amlaps_json_integer(item, &number)) {
        snprintf(scratch, AMLAPS_CLAIM_SCRATCH, "%" APR_INT64_T_FMT, number);
        return scratch;
    }
    if (amlaps_json_bool(item, &truth)) {
        return truth ? "true" : "false";
    }
    return amlaps_json_text(item);
}

static void look_up_claim(const visit_t *v, const amlaps_person_t *person, const char *name)
{
    const amlaps_json_t *claim = amlaps_json_member(person->claims, name);
    char scratch[AMLAPS_CLAIM_SCRATCH];
    const char *text = amlaps_claim_text(scratch, claim);
    apr_size_t i;

    if (text) {
        look_up(v, AMLAPS_PRINCIPAL_CLAIM, name, text);
    }
    for (i = 0; i < amlaps_json_length(claim); i++) {
        text = amlaps_claim_text(scratch, amlaps_json_item(claim, i));
        if (text) {
            look_up(v, AMLAPS_PRINCIPAL_CLAIM, name, text);
        }
    }
    for (i = 0; i < person->group_count && strcmp(name, AMLAPS_CLAIM_GROUPS) == 0; i++) {
        look_up(v, AMLAPS_PRINCIPAL_CLAIM, name, person->groups[i]);
    }
}

void amlaps_index_visit(const amlaps_policy_t *policy, const amlaps_person_t *person, amlaps_index_visit_t visit, void *baton)
{
    visit_t v = {policy, visit, baton};
    char guid[AMLAPS_GUID_LENGTH + 1];
    apr_size_t i;
    int claim;

    visit(baton, (const amlaps_posting_t *)policy->anyone->elts, (apr_size_t)policy->anyone->nelts);
    if (person->oid) {
        look_up(&v, AMLAPS_PRINCIPAL_USER, NULL, person->oid);
    }
    if (person->username && !amlaps_text_guid(guid, person->username)) {
        look_up(&v, AMLAPS_PRINCIPAL_USER, NULL, person->username);
    }
    for (i = 0; i < person->group_count; i += GROUP_BATCH) {
        apr_size_t left = person->group_count - i;

        look_up_groups(&v, person->groups + i, left < GROUP_BATCH ? left : GROUP_BATCH);
    }
    for (i = 0; i < person->role_count; i++) {
        look_up(&v, AMLAPS_PRINCIPAL_ROLE, NULL, person->roles[i]);
    }
    for (claim = 0; claim < policy->claims->nelts; claim++) {
        look_up_claim(&v, person, APR_ARRAY_IDX(policy->claims, claim, const char *));
    }
}
