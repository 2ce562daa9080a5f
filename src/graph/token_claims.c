/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "token_claims.h"

#include <string.h>

#include <apr_strings.h>

#include "amlaps/text.h"
#include "base64url.h"

#define PAYLOAD_MOST 65536

/* What is asked of Graph, the least permission for it first, then the larger ones that would do as well. */
typedef struct wanted_t {
    int always; /* else only where groups are looked up */
    const char *names[6];
} wanted_t;

static const wanted_t wanted[] = {
    {1, {"DeviceLocalCredential.Read.All", NULL}},
    {1, {"Device.Read.All", "Device.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All", NULL}},
    {0, {"GroupMember.Read.All", "Group.Read.All", "Group.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All", NULL}},
    {0, {"User.ReadBasic.All", "User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All", NULL}},
};
#define WANTED (sizeof wanted / sizeof *wanted)

static void list(char text[AMLAPS_PERMISSIONS_MOST], const char *name)
{
    const apr_size_t length = strlen(text);

    apr_snprintf(text + length, AMLAPS_PERMISSIONS_MOST - length, "%s%s", length ? ", " : "", name);
}

static int has(const amlaps_json_t *roles, const char *name)
{
    for (apr_size_t i = 0; i < amlaps_json_length(roles); i++) {
        const char *role = amlaps_json_text(amlaps_json_item(roles, i));
        if (role && strcmp(role, name) == 0) {
            return 1;
        }
    }
    return 0;
}

static int is_served(const wanted_t *want, const amlaps_json_t *roles)
{
    for (int i = 0; want->names[i]; i++) {
        if (has(roles, want->names[i])) {
            return 1;
        }
    }
    return 0;
}

/* The least permission for something is of use even where it is only asked for on overage; larger ones never are. */
static int is_of_use(const char *role)
{
    for (size_t i = 0; i < WANTED; i++) {
        if (strcmp(wanted[i].names[0], role) == 0) {
            return 1;
        }
    }
    return 0;
}

static amlaps_json_t *payload_of(const amlaps_secret_t *token, apr_pool_t *pool)
{
    const char *start = memchr(token->bytes, '.', token->length);
    const char *end = start ? memchr(start + 1, '.', (apr_size_t)(token->bytes + token->length - start - 1)) : NULL;
    amlaps_json_t *json = NULL;

    if (!end || end - start > PAYLOAD_MOST) {
        return NULL;
    }
    amlaps_secret_t *text = amlaps_secret_make((apr_size_t)(end - start), pool);
    const apr_ssize_t length = text ? amlaps_base64url_decode(text->bytes, start + 1, (apr_size_t)(end - start - 1)) : -1;
    if (length > 0 && amlaps_json_parse(&json, NULL, text->bytes, (apr_size_t)length, pool) != APR_SUCCESS) {
        json = NULL;
    }
    if (text) {
        amlaps_secret_wipe(text);
    }
    return json;
}

void amlaps_token_claims(amlaps_token_claims_t *claims, const amlaps_secret_t *token, amlaps_groups_from_t groups_from, apr_pool_t *pool)
{
    const amlaps_json_t *payload = payload_of(token, pool), *roles = amlaps_json_member(payload, "roles");

    memset(claims, 0, sizeof *claims);
    if (amlaps_json_kind(payload) != AMLAPS_JSON_OBJECT || !amlaps_json_member(payload, "aud")) {
        return;
    }
    claims->readable = 1;
    if (!amlaps_text_guid(claims->tid, amlaps_json_member_text(payload, "tid"))) {
        claims->tid[0] = '\0';
    }
    for (size_t i = 0; i < WANTED; i++) {
        if (is_served(&wanted[i], roles)) {
            list(claims->served, wanted[i].names[0]);
        }
        else if (wanted[i].always || groups_from == AMLAPS_GROUPS_FROM_GRAPH) {
            list(claims->missing, wanted[i].names[0]);
        }
    }
    for (apr_size_t i = 0; i < amlaps_json_length(roles); i++) {
        const char *role = amlaps_json_text(amlaps_json_item(roles, i));
        if (role && !is_of_use(role)) {
            list(claims->excess, amlaps_text_printable(role, 80, pool));
        }
    }
}
