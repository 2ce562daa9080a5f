/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_GRAPH_CREDENTIAL_FILE_H
#define AMLAPS_GRAPH_CREDENTIAL_FILE_H

#include "amlaps/secret.h"

/**
 * Reads a file, of at most 64 KiB, whole into wiped memory. One that others may swap or change is refused.
 * @return NULL, or what is wrong and what to do
 */
const char *amlaps_credential_file(amlaps_secret_t **bytes, const char *path, amlaps_file_care_t care, apr_pool_t *pool);

#endif
