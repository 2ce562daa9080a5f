/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_HTTPD_CLAIMS_KEEP_H
#define AMLAPS_HTTPD_CLAIMS_KEEP_H

#include "amlaps/policy.h"

/*
 * People that were read of claims, kept for the next request of the same session, whose claims are the same texts. A person follows from the two
 * texts alone, and is found by the whole of them, so a kept one is never out of date: claims that say anything else are other texts. What depends
 * on the time or on anything but the texts has no place here.
 */
typedef struct amlaps_claims_keep_t amlaps_claims_keep_t;

#define AMLAPS_CLAIMS_KEEP_PEOPLE 256
#define AMLAPS_CLAIMS_KEEP_LONGEST (32 * 1024) /* bytes of both texts; longer ones are read anew for each request */

/** One for all threads of a child. @param pool what is kept is freed with it; people whom a request still uses, with that request */
amlaps_claims_keep_t *amlaps_claims_keep_make(apr_pool_t *pool);

/**
 * As amlaps_claims_read, but the person may be shared with other requests: nobody changes it or its claims. Any thread.
 * @param person lives as long as `pool`
 * @param keep NULL: nothing is kept
 */
apr_status_t amlaps_claims_keep_read(const amlaps_person_t **person, amlaps_error_t *error, amlaps_claims_keep_t *keep,
                                     const char *id_token, const char *userinfo, apr_pool_t *pool);

#endif
