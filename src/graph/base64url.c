/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "base64url.h"

#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

apr_status_t amlaps_base64url_append(amlaps_secret_t *target, const void *bytes, apr_size_t length)
{
    const unsigned char *from = bytes;

    for (apr_size_t i = 0; i < length; i += 3) {
        const apr_size_t rest = length - i;
        const unsigned long group = (unsigned long)from[i] << 16 | (rest > 1 ? (unsigned long)from[i + 1] << 8 : 0)
                                    | (rest > 2 ? (unsigned long)from[i + 2] : 0);
        const char text[4] = {alphabet[group >> 18], alphabet[group >> 12 & 63], alphabet[group >> 6 & 63], alphabet[group & 63]};
        const apr_status_t status = amlaps_secret_append(target, text, rest > 2 ? 4 : rest + 1);
        if (status != APR_SUCCESS) {
            return status;
        }
    }
    return APR_SUCCESS;
}

apr_ssize_t amlaps_base64url_decode(char *target, const char *text, apr_size_t length)
{
    unsigned long bits = 0;
    apr_ssize_t made = 0;
    int held = 0;

    if (length % 4 == 1) {
        return -1;
    }
    for (apr_size_t i = 0; i < length; i++) {
        const char *found = text[i] ? strchr(alphabet, text[i]) : NULL;
        if (!found) {
            return -1;
        }
        bits = bits << 6 | (unsigned long)(found - alphabet);
        held += 6;
        if (held >= 8) {
            held -= 8;
            target[made++] = (char)(bits >> held & 0xFF);
        }
    }
    return made;
}
