/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "credential_file.h"

#include <apr_strings.h>

#define MOST 65536

const char *amlaps_credential_file(amlaps_secret_t **bytes, const char *path, amlaps_file_care_t care, apr_pool_t *pool)
{
    amlaps_secret_t *made = amlaps_secret_make(MOST, pool);
    const char *mistake;

    *bytes = NULL;
    if (!made) {
        return "out of memory";
    }
    mistake = amlaps_secret_read_file(made, path, care, pool);
    if (!mistake && made->length == 0) {
        mistake = apr_psprintf(pool, "'%s' is empty", path);
    }
    if (mistake) {
        amlaps_secret_wipe(made);
        return mistake;
    }
    *bytes = made;
    return NULL;
}
