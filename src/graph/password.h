/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_GRAPH_PASSWORD_H
#define AMLAPS_GRAPH_PASSWORD_H

#include "amlaps/secret.h"

/**
 * A password as Graph encodes it: base64 of UTF-8, or of UTF-16LE as in Microsoft's own examples.
 * @param password out: UTF-8 without byte order mark, in wiped memory of `pool`
 * @return NULL, or why it cannot be a password: a constant without any of it
 */
const char *amlaps_password_decode(amlaps_secret_t **password, const char *base64, apr_size_t length, apr_pool_t *pool);

#endif
