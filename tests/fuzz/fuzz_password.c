/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* passwordBase64: whatever comes out is a text that can be shown, and nothing comes out where something is wrong. */
#include "../../src/graph/password.h"

#include "amlaps/text.h"
#include "fuzz.h"

void fuzz_one(const uint8_t *bytes, size_t length, apr_pool_t *pool)
{
    amlaps_secret_t *password;
    const char *why = amlaps_password_decode(&password, (const char *)bytes, length, pool);

    fuzz_check((why == NULL) == (password != NULL));
    if (password) {
        fuzz_check(password->length > 0 && strlen(password->bytes) == password->length);
        fuzz_check(amlaps_text_is_utf8(password->bytes, password->length) && !amlaps_text_has_controls(password->bytes));
    }
}
