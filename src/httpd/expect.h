/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_HTTPD_EXPECT_H
#define AMLAPS_HTTPD_EXPECT_H

#include "httpd_glue.h"

/**
 * Asks the rules about every AMLapsExpect of the server from the index `first` on; without a tenant only its words are read.
 * @return NULL, or which one fails, the answer, and the rules behind it
 */
const char *amlaps_expect_check(server_rec *server, int first, apr_pool_t *pool);

/**
 * At configtest: prints the answers to every AMLapsExplain of the server from the index `first` on to standard output; without a tenant, why there is none.
 * @return NULL, or the mistake
 */
const char *amlaps_expect_explain(server_rec *server, int first, apr_pool_t *pool);

#endif
