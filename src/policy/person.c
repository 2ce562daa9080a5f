/* Licensed under the Apache License, Version 2.0; see LICENSE. */

#include "person.h"

#include <string.h>

#include "amlaps/text.h"
#include "hash.h"
#include "index.h"

static int is_user(const amlaps_person_t *person, const char *value)
{
    char guid[AMLAPS_GUID_LENGTH + 1];

    return (person->oid && amlaps_hash_equal_folded(person->oid, value))
           || (person->username && !amlaps_text_guid(guid, value) && amlaps_hash_equal_folded(person->username, value));
}

static int is_in_group(const amlaps_person_t *person, const char *value)
{
    apr_size_t i;

    for (i = 0; i < person->group_count; i++) {
        if (amlaps_hash_equal_folded(person->groups[i], value)) {
            return 1;
        }
    }
    return 0;
}

static int is_one_of(const char *const *texts, apr_size_t count, const char *value)
{
    apr_size_t i;

    for (i = 0; i < count; i++) {
        if (strcmp(texts[i], value) == 0) {
            return 1;
        }
    }
    return 0;
}

static int has_claim(const amlaps_person_t *person, const char *name, const char *value)
{
    const amlaps_json_t *claim = amlaps_json_member(person->claims, name);
    char scratch[AMLAPS_CLAIM_SCRATCH];
    const char *text = amlaps_claim_text(scratch, claim);
    apr_size_t i;

    if (text) {
        return strcmp(text, value) == 0;
    }
    for (i = 0; i < amlaps_json_length(claim); i++) {
        text = amlaps_claim_text(scratch, amlaps_json_item(claim, i));
        if (text && strcmp(text, value) == 0) {
            return 1;
        }
    }
    return 0;
}

static int has_value(const amlaps_person_t *person, const amlaps_entry_t *entry, const char *value)
{
    switch (entry->kind) {
    case AMLAPS_PRINCIPAL_USER:
        return is_user(person, value);
    case AMLAPS_PRINCIPAL_GROUP:
        return is_in_group(person, value);
    case AMLAPS_PRINCIPAL_ROLE:
        return is_one_of(person->roles, person->role_count, value);
    default:
        return has_claim(person, entry->claim, value) || (entry->of_groups && is_one_of(person->groups, person->group_count, value));
    }
}

amlaps_known_t amlaps_person_matches(const amlaps_person_t *person, const amlaps_entry_t *entry, const amlaps_value_t **value)
{
    apr_size_t i;

    *value = NULL;
    if (entry->kind == AMLAPS_PRINCIPAL_ANYONE) {
        return AMLAPS_YES;
    }
    for (i = 0; i < entry->count; i++) {
        if (has_value(person, entry, entry->values[i].text)) {
            *value = &entry->values[i];
            return AMLAPS_YES;
        }
    }
    return entry->of_groups && !person->groups_known ? AMLAPS_UNKNOWN : AMLAPS_NO;
}

int amlaps_person_has(const amlaps_person_t *person, const amlaps_rule_t *rule, int deny, amlaps_permission_t permission)
{
    const amlaps_value_t *value;
    apr_size_t i;

    for (i = 0; i < rule->entry_count; i++) {
        const amlaps_entry_t *entry = &rule->entries[i];

        if (entry->deny == deny && (entry->permissions & (int)permission)
            && amlaps_person_matches(person, entry, &value) == AMLAPS_YES) {
            return 1;
        }
    }
    return 0;
}
