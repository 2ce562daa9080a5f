/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_GRAPH_LIFT_H
#define AMLAPS_GRAPH_LIFT_H

/*
 * Takes secrets out of a JSON text before the JSON library sees it, so that none ever lies in memory that is not wiped. Each
 * text that is the value of one of the named members, at any depth, is moved to wiped memory; in its place stays a number in
 * quotes.
 */

#include "amlaps/json.h"
#include "amlaps/secret.h"

#define AMLAPS_LIFT_MOST 999 /* values in one document: a placeholder has three digits */

typedef struct amlaps_lifted_t {
    amlaps_secret_t *text; /* all values one after the other, each with a NUL behind it */
    apr_size_t *start, *length;
    apr_size_t count;
} amlaps_lifted_t;

/**
 * @param body the JSON text; rewritten in place, its length stays. Undefined, but without secrets that were found, where it
 * fails
 * @param names NULL-terminated; compared after escapes are resolved
 * @return APR_SUCCESS; APR_EGENERAL where the text is no JSON, or holds a named member that cannot be lifted (a number, an
 * object, a text shorter than four bytes but not empty, more than AMLAPS_LIFT_MOST); APR_ENOMEM. Nothing of the text may then
 * be parsed.
 */
apr_status_t amlaps_lift(amlaps_lifted_t *lifted, amlaps_secret_t *body, const char *const *names, apr_pool_t *pool);

/**
 * The value behind a placeholder, borrowed from `lifted`.
 * @return 1, or 0 where `placeholder` is none: then a secret may have slipped through, and the document is to be refused
 */
int amlaps_lift_value(const char **value, apr_size_t *length, const amlaps_lifted_t *lifted,
                      const amlaps_json_t *placeholder);

#endif
