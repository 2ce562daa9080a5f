/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The challenge of an Arc server: no path leaves the folder of its keys. */
#include "../../src/graph/identity.h"

#include "fuzz.h"

void fuzz_one(const uint8_t *bytes, size_t length, apr_pool_t *pool)
{
    static const char folder[] = AMLAPS_ARC_KEYS "/";
    const char *path = amlaps_identity_key_path(fuzz_text(bytes, length, pool), AMLAPS_ARC_KEYS, pool);

    if (path) {
        fuzz_check(strncmp(path, folder, sizeof folder - 1) == 0 && !strchr(path + sizeof folder - 1, '/'));
        fuzz_check(strlen(path) > sizeof folder + 3 && strcmp(path + strlen(path) - 4, ".key") == 0);
    }
}
