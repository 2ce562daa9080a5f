/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_HTTPD_WHEN_WORDS_H
#define AMLAPS_HTTPD_WHEN_WORDS_H

#include "when.h"

/* The words of a condition: variables, functions and operators, and no others. */

typedef struct amlaps_when_facts_t { /* an evaluation's `data` */
    const amlaps_circumstances_t *circumstances;
    const amlaps_person_t *person;
    const amlaps_device_t *device;
    int unknown;                   /* out: the evaluation met a fact that could not be looked up */
    const char *mistake;           /* out: NULL, or why it could not be evaluated; httpd's own place for it would log it as well */
} amlaps_when_facts_t;

/** Before an expression is parsed: where to note AMLAPS_NEED_* bits, and its patterns. While the configuration is read there is one thread. */
void amlaps_when_words_begin(int *needs, const apr_array_header_t *patterns);

/** An ap_expr_lookup_fn_t: finds an allowed word, or says what is allowed. */
int amlaps_when_words_look_up(ap_expr_lookup_parms *parms);

/** The mistake, and behind it the list of all allowed words unless it stands there already. */
const char *amlaps_when_words_with_list(const char *mistake, apr_pool_t *pool);

#endif
