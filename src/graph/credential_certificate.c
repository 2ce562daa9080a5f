/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "credential_certificate.h"

#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <apr_strings.h>

#define BITS_LEAST 2048

struct amlaps_certificate_t {
    X509 *certificate;
    EVP_PKEY *key;
};

static apr_status_t close_pair(void *data)
{
    amlaps_certificate_t *pair = data;

    X509_free(pair->certificate);
    EVP_PKEY_free(pair->key);
    return APR_SUCCESS;
}

/* Without one OpenSSL would ask at the terminal, and httpd would wait there for ever. */
static int no_passphrase(char *buffer, int size, int writing, void *asked)
{
    (void)buffer, (void)size, (void)writing;
    *(int *)asked = 1;
    return -1;
}

static const char *read_pair(amlaps_certificate_t *pair, const amlaps_secret_t *certificate, const amlaps_secret_t *key)
{
    BIO *first = BIO_new_mem_buf(certificate->bytes, (int)certificate->length);
    BIO *second = BIO_new_mem_buf(key->bytes, (int)key->length);
    int asked = 0;

    if (first && second) {
        pair->certificate = PEM_read_bio_X509(first, NULL, no_passphrase, &asked);
        pair->key = PEM_read_bio_PrivateKey(second, NULL, no_passphrase, &asked);
    }
    BIO_free(first);
    BIO_free(second);
    if (!pair->certificate) {
        return "it holds no certificate in PEM";
    }
    if (!pair->key) {
        return asked ? "the private key is protected by a passphrase; write it without one, to a file that others cannot read"
                     : "there is no private key in PEM";
    }
    return NULL;
}

static time_t time_of(const ASN1_TIME *time)
{
    struct tm parts;

    return time && ASN1_TIME_to_tm(time, &parts) == 1 ? timegm(&parts) : (time_t)-1;
}

static const char *check_time(const amlaps_certificate_t *pair, apr_time_t now, apr_pool_t *pool)
{
    const time_t from = time_of(X509_get0_notBefore(pair->certificate)), until = time_of(X509_get0_notAfter(pair->certificate));
    const time_t seconds = apr_time_sec(now);
    char day[16] = "";
    struct tm parts;

    if (from == (time_t)-1 || until == (time_t)-1) {
        return "the certificate's validity cannot be read";
    }
    if (seconds < from) {
        strftime(day, sizeof day, "%Y-%m-%d", gmtime_r(&from, &parts));
        return apr_psprintf(pool, "the certificate is not valid before %s (UTC); check this server's clock", day);
    }
    if (seconds > until) {
        strftime(day, sizeof day, "%Y-%m-%d", gmtime_r(&until, &parts));
        return apr_psprintf(pool, "the certificate has expired on %s (UTC); make a new pair and add it to the app registration", day);
    }
    return NULL;
}

static const char *check_pair(const amlaps_certificate_t *pair, int rs256, apr_time_t now, apr_pool_t *pool)
{
    const int kind = EVP_PKEY_get_base_id(pair->key);

    if (X509_check_private_key(pair->certificate, pair->key) != 1) {
        return "certificate and private key do not belong together";
    }
    if (kind != EVP_PKEY_RSA && !(kind == EVP_PKEY_RSA_PSS && !rs256)) {
        return "the key is not of the kind RSA, the only one that Entra takes for apps";
    }
    if (EVP_PKEY_get_bits(pair->key) < BITS_LEAST) {
        return "the RSA key is shorter than 2048 bits; make a new pair";
    }
    return check_time(pair, now, pool);
}

const char *amlaps_certificate_open(amlaps_certificate_t **opened, const amlaps_secret_t *certificate, const amlaps_secret_t *key,
                                    int rs256, apr_time_t now, apr_pool_t *pool)
{
    amlaps_certificate_t *pair = apr_pcalloc(pool, sizeof *pair);

    apr_pool_cleanup_register(pool, pair, close_pair, apr_pool_cleanup_null);
    const char *mistake = read_pair(pair, certificate, key);
    if (!mistake) {
        mistake = check_pair(pair, rs256, now, pool);
    }
    /* The queue of errors is the thread's, and other modules that use OpenSSL would take what lies there for their own. */
    ERR_clear_error();
    *opened = mistake ? NULL : pair;
    return mistake;
}

apr_time_t amlaps_certificate_expires(const amlaps_certificate_t *certificate)
{
    const time_t until = time_of(X509_get0_notAfter(certificate->certificate));

    return until == (time_t)-1 ? 0 : apr_time_from_sec(until);
}

apr_size_t amlaps_certificate_thumbprint(unsigned char sum[AMLAPS_THUMBPRINT_MOST], const amlaps_certificate_t *certificate, int rs256)
{
    unsigned int length = 0;

    return X509_digest(certificate->certificate, rs256 ? EVP_sha1() : EVP_sha256(), sum, &length) == 1 ? length : 0;
}

static int set_padding(EVP_PKEY_CTX *context, int rs256)
{
    if (rs256) {
        return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1;
    }
    return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1
           && EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1
           && EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()) == 1;
}

apr_status_t amlaps_certificate_sign(amlaps_secret_t *signature, const amlaps_certificate_t *certificate, int rs256,
                                     const char *bytes, apr_size_t length)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *options = NULL;
    size_t size = 0;
    int signed_it = 0;

    if (context && EVP_DigestSignInit(context, &options, EVP_sha256(), NULL, certificate->key) == 1 && set_padding(options, rs256)
        && EVP_DigestSign(context, NULL, &size, (const unsigned char *)bytes, length) == 1
        && amlaps_secret_reserve(signature, signature->length + size) == APR_SUCCESS) {
        signed_it = EVP_DigestSign(context, (unsigned char *)signature->bytes + signature->length, &size,
                                   (const unsigned char *)bytes, length)
                    == 1;
    }
    EVP_MD_CTX_free(context);
    ERR_clear_error();
    if (!signed_it) {
        return APR_EGENERAL;
    }
    signature->length += size;
    return APR_SUCCESS;
}
