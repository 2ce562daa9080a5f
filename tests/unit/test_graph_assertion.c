/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "../../src/graph/assertion.h"
#include "../../src/graph/base64url.h"
#include "amlaps/json.h"
#include "graph_fake.h"

#define URL FAKE_LOGIN "/" FAKE_TENANT_ID "/oauth2/v2.0/token"

static char folder[] = "/tmp/amlaps-pair-XXXXXX";
static const char *certificate_file, *key_file;
static EVP_PKEY *key;
static unsigned char sha256[EVP_MAX_MD_SIZE], sha1[EVP_MAX_MD_SIZE];
static apr_time_t expires;

/* A pair of files, valid for the fake's day. */
static void make_pair(fake_t *fake)
{
    X509 *certificate = X509_new();
    time_t now = (time_t)apr_time_sec(fake->wall);

    EVP_PKEY_free(key);
    key = EVP_RSA_gen(2048);
    X509_set_version(certificate, 2);
    ASN1_TIME_adj(X509_getm_notBefore(certificate), now, -1, 0);
    ASN1_TIME_adj(X509_getm_notAfter(certificate), now, 20, 0);
    expires = apr_time_from_sec(now) + 20 * apr_time_from_sec(86400);
    X509_set_pubkey(certificate, key);
    X509_sign(certificate, key, EVP_sha256());
    X509_digest(certificate, EVP_sha256(), sha256, NULL);
    X509_digest(certificate, EVP_sha1(), sha1, NULL);
    FILE *file = fopen(certificate_file, "w");
    PEM_write_X509(file, certificate);
    fclose(file);
    file = fopen(key_file, "w");
    PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
    fclose(file);
    chmod(key_file, 0600);
    X509_free(certificate);
}

static int open_files(void **state)
{
    fake_open(state);
    fake_t *fake = *state;

    memcpy(folder, "/tmp/amlaps-pair-XXXXXX", sizeof folder);
    if (!mkdtemp(folder)) {
        return -1;
    }
    certificate_file = apr_pstrcat(fake->own, folder, "/cert.pem", NULL);
    key_file = apr_pstrcat(fake->own, folder, "/key.pem", NULL);
    make_pair(fake);
    fake->tenant.credential = AMLAPS_CREDENTIAL_CERTIFICATE;
    fake->tenant.certificate_file = certificate_file;
    fake->tenant.key_file = key_file;
    return 0;
}

static int close_files(void **state)
{
    unlink(certificate_file);
    unlink(key_file);
    rmdir(folder);
    EVP_PKEY_free(key);
    key = NULL;
    return fake_close(state);
}

static amlaps_json_t *part(fake_t *fake, const char *text, apr_size_t length)
{
    char *decoded = apr_palloc(fake->pool, length + 1);
    const apr_ssize_t size = amlaps_base64url_decode(decoded, text, length);
    amlaps_json_t *json = NULL;

    assert_true(size > 0);
    assert_int_equal(amlaps_json_parse(&json, NULL, decoded, (apr_size_t)size, fake->pool), APR_SUCCESS);
    return json;
}

static int verifies(fake_t *fake, const char *jwt, int rs256)
{
    const char *dot = strrchr(jwt, '.');
    char *signature = apr_palloc(fake->pool, 512);
    const apr_ssize_t size = amlaps_base64url_decode(signature, dot + 1, strlen(dot + 1));
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *options;

    EVP_DigestVerifyInit(context, &options, EVP_sha256(), NULL, key);
    if (!rs256) {
        EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING);
        EVP_PKEY_CTX_set_rsa_pss_saltlen(options, 32);
    }
    const int fine = EVP_DigestVerify(context, (unsigned char *)signature, (size_t)size, (const unsigned char *)jwt, (size_t)(dot - jwt));
    EVP_MD_CTX_free(context);
    return fine == 1;
}

static const char *make(fake_t *fake)
{
    amlaps_secret_t *assertion = NULL;
    apr_time_t until = 0;

    fake_begin(fake);
    assert_int_equal(amlaps_assertion_make(&assertion, &until, &fake->error, &fake->tenant, URL, fake->wall, fake->pool), APR_SUCCESS);
    assert_int_equal(until, expires);
    return assertion->bytes;
}

static void signed_as_documented(void **state)
{
    fake_t *fake = *state;

    for (int rs256 = 0; rs256 < 2; rs256++) {
        fake->tenant.rs256 = rs256;
        const char *jwt = make(fake), *dot = strchr(jwt, '.'), *second = strchr(dot + 1, '.');
        const amlaps_json_t *header = part(fake, jwt, (apr_size_t)(dot - jwt)), *claims = part(fake, dot + 1, (apr_size_t)(second - dot - 1));
        amlaps_secret_t *thumbprint = amlaps_secret_make(64, fake->pool);
        apr_int64_t from, until;
        amlaps_base64url_append(thumbprint, rs256 ? sha1 : sha256, rs256 ? 20 : 32);
        assert_string_equal(amlaps_json_member_text(header, "alg"), rs256 ? "RS256" : "PS256");
        assert_string_equal(amlaps_json_member_text(header, rs256 ? "x5t" : "x5t#S256"), thumbprint->bytes);
        assert_string_equal(amlaps_json_member_text(claims, "aud"), URL);
        assert_string_equal(amlaps_json_member_text(claims, "iss"), FAKE_CLIENT_ID);
        assert_string_equal(amlaps_json_member_text(claims, "sub"), FAKE_CLIENT_ID);
        assert_true(amlaps_json_integer(amlaps_json_member(claims, "nbf"), &from) && amlaps_json_integer(amlaps_json_member(claims, "exp"), &until));
        assert_int_equal(from, apr_time_sec(fake->wall));
        assert_int_equal(until, from + 600);
        assert_true(verifies(fake, jwt, rs256));
    }
    assert_string_not_equal(make(fake), make(fake)); /* jti is new each time */
}

static void a_new_pair_is_taken_and_the_old_one_kept(void **state)
{
    fake_t *fake = *state;

    assert_null(amlaps_graph_read_certificate(&fake->tenant, fake->wall, fake->own));
    make_pair(fake);
    assert_true(verifies(fake, make(fake), 0));
    unlink(key_file); /* as where this process may not read it: the pair of the start */
    assert_false(verifies(fake, make(fake), 0));
}

static void the_login_gets_the_assertion(void **state)
{
    fake_t *fake = *state;

    fake_reopen(fake);
    fake_begin(fake);
    fake_answers(fake, (fake_step_t){.status = 404});
    fake_ask(fake);
    assert_non_null(strstr(fake->login_seen.body, "&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=ey"));
    assert_null(strstr(fake->login_seen.body, "client_secret"));
    assert_non_null(strstr(fake->log, "AML0336")); /* twenty days are left */
}

static void mistakes_are_told(void **state)
{
    fake_t *fake = *state;
    const apr_time_t wall = fake->wall;

    assert_non_null(strstr(amlaps_graph_read_certificate(&fake->tenant, wall + apr_time_from_sec(21 * 86400), fake->own), "expired"));
    assert_non_null(strstr(amlaps_graph_read_certificate(&fake->tenant, wall - apr_time_from_sec(2 * 86400), fake->own), "not valid before"));
    chmod(key_file, 0644);
    assert_non_null(strstr(amlaps_graph_read_certificate(&fake->tenant, wall, fake->own), "world-readable"));
    chmod(key_file, 0600);
    FILE *file = fopen(key_file, "w");
    PEM_write_PKCS8PrivateKey(file, key, EVP_aes_256_cbc(), "secret", 6, NULL, NULL);
    fclose(file);
    assert_non_null(strstr(amlaps_graph_read_certificate(&fake->tenant, wall, fake->own), "passphrase"));
    assert_null(fake->tenant.certificate);
}

int main(void)
{
#define file_test(name) cmocka_unit_test_setup_teardown(name, open_files, close_files)
    const struct CMUnitTest tests[] = {
        file_test(signed_as_documented),
        file_test(a_new_pair_is_taken_and_the_old_one_kept),
        file_test(the_login_gets_the_assertion),
        file_test(mistakes_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
