/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "amlaps/transport.h"

#include <openssl/err.h>
#include <openssl/pem.h>

/* libcurl takes nothing of a bundle in which one of them is broken. */
const char *amlaps_certificates_check(const char *path)
{
    static char no_passphrase[] = "";
    BIO *file = BIO_new_file(path, "r");
    X509 *certificate = NULL;
    int count = -1, broken;

    ERR_clear_error();
    if (!file) {
        return "can't be read; write a PEM bundle that httpd can read";
    }
    do {
        X509_free(certificate);
        certificate = PEM_read_bio_X509(file, NULL, NULL, no_passphrase);
        count++;
    } while (certificate);
    broken = ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE;
    ERR_clear_error();
    BIO_free(file);
    if (broken) {
        return "holds a certificate that is broken; put a whole one in its place";
    }
    return count ? NULL : "holds no PEM certificate; write a bundle of lines from BEGIN CERTIFICATE to END CERTIFICATE";
}
