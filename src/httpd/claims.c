/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "claims.h"

#include <string.h>

#include "amlaps/text.h"

#define TEXT_MOST 1024
#define LIST_MOST 20000

static apr_status_t malformed(amlaps_error_t *error, const char *what)
{
    return amlaps_error_set(error, AMLAPS_NOT_AUTHENTICATED, "AML0150", APR_EGENERAL,
                            "the claims are not usable: %s; check OIDCPassIDTokenAs payload and the claims that the sign-in app issues", what);
}

/* A claim that names something: absent is fine, anything but a text of sane length is not. */
static apr_status_t read_text(const char **text, amlaps_error_t *error, const amlaps_json_t *claims, const char *name)
{
    const amlaps_json_t *claim = amlaps_json_member(claims, name);

    *text = NULL;
    if (amlaps_json_kind(claim) == AMLAPS_JSON_NONE || amlaps_json_kind(claim) == AMLAPS_JSON_NULL) {
        return APR_SUCCESS;
    }
    *text = amlaps_json_text(claim);
    if (!*text || strlen(*text) > TEXT_MOST || amlaps_text_has_controls(*text)) {
        return malformed(error, name);
    }
    if (!**text) {
        *text = NULL;
    }
    return APR_SUCCESS;
}

static apr_status_t read_list(const char *const **list, apr_size_t *count, amlaps_error_t *error, const amlaps_json_t *claims,
                              const char *name, apr_pool_t *pool)
{
    const amlaps_json_t *claim = amlaps_json_member(claims, name);
    apr_size_t length = amlaps_json_length(claim), i;
    const char **texts;

    *list = NULL;
    *count = 0;
    if (amlaps_json_kind(claim) == AMLAPS_JSON_NONE) {
        return APR_SUCCESS;
    }
    if (amlaps_json_kind(claim) != AMLAPS_JSON_ARRAY || length > LIST_MOST) {
        return malformed(error, name);
    }
    texts = apr_palloc(pool, (length ? length : 1) * sizeof(*texts));
    for (i = 0; i < length; i++) {
        texts[i] = amlaps_json_text(amlaps_json_item(claim, i));
        if (!texts[i] || strlen(texts[i]) > TEXT_MOST) {
            return malformed(error, name);
        }
    }
    *list = texts;
    *count = length;
    return APR_SUCCESS;
}

/*
 * More groups than fit into a token: Entra says so by `_claim_names` or `hasgroups` instead of listing them. (Microsoft identity platform,
 * ID token claims reference.) The endpoint in `_claim_sources` is never used.
 */
static int is_overage(const amlaps_json_t *claims)
{
    int hasgroups = 0;

    if (amlaps_json_kind(amlaps_json_member(amlaps_json_member(claims, "_claim_names"), "groups")) != AMLAPS_JSON_NONE) {
        return 1;
    }
    if (amlaps_json_bool(amlaps_json_member(claims, "hasgroups"), &hasgroups)) {
        return hasgroups;
    }
    return amlaps_json_kind(amlaps_json_member(claims, "hasgroups")) != AMLAPS_JSON_NONE;
}

static apr_status_t read_names(amlaps_person_t *person, amlaps_error_t *error, const amlaps_json_t *claims, const amlaps_json_t *userinfo)
{
    static const char *const usernames[] = { "preferred_username", "upn", NULL };
    int i;

    for (i = 0; usernames[i] && !person->username; i++) {
        if (read_text(&person->username, error, claims, usernames[i]) != APR_SUCCESS) {
            return error->status;
        }
    }
    if (read_text(&person->name, error, claims, "name") != APR_SUCCESS) {
        return error->status;
    }
    /* UserInfo of the same subject may name a person whose ID token does not; nothing is authorized by it. */
    if (!person->name && userinfo) {
        return read_text(&person->name, error, userinfo, "name");
    }
    return APR_SUCCESS;
}

static apr_status_t read_person(amlaps_person_t *person, amlaps_error_t *error, const amlaps_json_t *claims,
                                const amlaps_json_t *userinfo, apr_pool_t *pool)
{
    if (read_text(&person->oid, error, claims, "oid") != APR_SUCCESS || read_text(&person->tid, error, claims, "tid") != APR_SUCCESS ||
        read_text(&person->issuer, error, claims, "iss") != APR_SUCCESS ||
        read_text(&person->subject, error, claims, "sub") != APR_SUCCESS) {
        return error->status;
    }
    if (!(person->oid && person->tid) && !(person->issuer && person->subject)) {
        return malformed(error, "neither oid and tid, nor iss and sub");
    }
    if (!(person->oid && person->tid)) {
        person->oid = person->tid = NULL;
    }
    if (read_names(person, error, claims, userinfo) != APR_SUCCESS ||
        read_list(&person->groups, &person->group_count, error, claims, "groups", pool) != APR_SUCCESS ||
        read_list(&person->roles, &person->role_count, error, claims, "roles", pool) != APR_SUCCESS) {
        return error->status;
    }
    person->groups_known = !is_overage(claims);
    person->claims = claims;
    return APR_SUCCESS;
}

static apr_status_t parse(amlaps_json_t **claims, amlaps_error_t *error, const char *text, apr_pool_t *pool)
{
    if (amlaps_json_parse(claims, NULL, text, strlen(text), pool) != APR_SUCCESS || amlaps_json_kind(*claims) != AMLAPS_JSON_OBJECT) {
        return malformed(error, "they are no JSON object");
    }
    return APR_SUCCESS;
}

apr_status_t amlaps_claims_read(amlaps_person_t **result, amlaps_error_t *error, const char *id_token, const char *userinfo_text,
                                apr_pool_t *pool)
{
    amlaps_person_t *person = apr_pcalloc(pool, sizeof(*person));
    amlaps_json_t *claims = NULL, *userinfo = NULL;
    const char *subject;

    *result = NULL;
    if (parse(&claims, error, id_token, pool) != APR_SUCCESS) {
        return error->status;
    }
    if (userinfo_text && *userinfo_text && parse(&userinfo, error, userinfo_text, pool) != APR_SUCCESS) {
        return error->status;
    }
    subject = amlaps_json_member_text(userinfo, "sub");
    if (userinfo && (!subject || !amlaps_json_member_text(claims, "sub") || strcmp(subject, amlaps_json_member_text(claims, "sub")))) {
        return malformed(error, "UserInfo is about another subject than the ID token");
    }
    if (read_person(person, error, claims, userinfo, pool) != APR_SUCCESS) {
        return error->status;
    }
    *result = person;
    return APR_SUCCESS;
}
