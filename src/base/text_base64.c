/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "amlaps/text.h"

#include <string.h>

#include <openssl/evp.h>

const char *amlaps_text_base64(const void *bytes, apr_size_t length, apr_pool_t *pool)
{
    char *text = apr_palloc(pool, (length + 2) / 3 * 4 + 1);

    EVP_EncodeBlock((unsigned char *)text, bytes, (int)length);
    return text;
}

int amlaps_text_read_base64(void *bytes, apr_size_t *length, const char *text, apr_size_t text_length)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    apr_size_t padding = 0;
    apr_size_t i;

    while (padding < 2 && padding < text_length && text[text_length - 1 - padding] == '=') {
        padding++;
    }
    for (i = 0; i < text_length - padding; i++) {
        if (text[i] == '\0' || strchr(alphabet, text[i]) == NULL) {
            return 0;
        }
    }
    if (text_length % 4 != 0 || EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)text_length) < 0) {
        return 0;
    }
    *length = text_length / 4 * 3 - padding;
    return 1;
}
