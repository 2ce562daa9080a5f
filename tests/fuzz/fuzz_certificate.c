/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Certificate and key of an app in PEM, in one text: ours around OpenSSL's. */
#include "../../src/graph/credential_certificate.h"

#include "fuzz.h"

void fuzz_one(const uint8_t *bytes, size_t length, apr_pool_t *pool)
{
    amlaps_secret_t *pem = amlaps_secret_make(length + 1, pool);
    amlaps_certificate_t *pair = NULL;

    fuzz_check(pem && amlaps_secret_append(pem, (const char *)bytes, length) == APR_SUCCESS);
    for (int rs256 = 0; rs256 < 2; rs256++) {
        const char *mistake = amlaps_certificate_open(&pair, pem, pem, rs256, apr_time_from_sec(1795366800), pool);
        fuzz_check((mistake == NULL) == (pair != NULL));
        if (pair) {
            unsigned char sum[AMLAPS_THUMBPRINT_MOST];
            fuzz_check(amlaps_certificate_thumbprint(sum, pair, rs256) == (rs256 ? 20 : 32));
            fuzz_check(amlaps_certificate_expires(pair) > 0);
        }
    }
}
