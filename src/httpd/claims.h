/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_HTTPD_CLAIMS_H
#define AMLAPS_HTTPD_CLAIMS_H

#include "amlaps/policy.h"

/**
 * The person out of the claims' JSON texts. No httpd header is needed here, so that it is tested without httpd.
 * @param userinfo NULL where there is none; it must be of the same subject, and nothing is authorized by it
 * @return APR_SUCCESS, or AMLAPS_NOT_AUTHENTICATED with why for the log
 */
apr_status_t amlaps_claims_read(amlaps_person_t **person, amlaps_error_t *error, const char *id_token, const char *userinfo,
                                apr_pool_t *pool);

#endif
