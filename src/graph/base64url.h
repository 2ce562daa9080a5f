/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_GRAPH_BASE64URL_H
#define AMLAPS_GRAPH_BASE64URL_H

/* Base64 with the alphabet for URLs and without padding (RFC 4648, section 5; RFC 7515), as JSON Web Tokens use it. */

#include "amlaps/secret.h"

/** @return APR_SUCCESS, or APR_ENOMEM */
apr_status_t amlaps_base64url_append(amlaps_secret_t *target, const void *bytes, apr_size_t length);

/** @param target holds 3 bytes for each 4 characters. @return the number of bytes, or -1 where it is no base64url */
apr_ssize_t amlaps_base64url_decode(char *target, const char *text, apr_size_t length);

#endif
