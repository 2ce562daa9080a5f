/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "assertion.h"

#include <string.h>

#include <apr_strings.h>

#include "amlaps/json.h"
#include "amlaps/text.h"
#include "base64url.h"
#include "credential_certificate.h"
#include "credential_file.h"

#define LIFE_SECONDS 600 /* as Microsoft's own libraries */

/* Three runs of base64url with dots between them; what else the file may hold is Entra's to judge. */
static int is_token(const amlaps_secret_t *text)
{
    int dots = 0;

    for (apr_size_t i = 0; i < text->length; i++) {
        const char c = text->bytes[i];
        if (c == '.') {
            dots++;
        }
        else if (!c || !strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=", c)) {
            return 0;
        }
    }
    return dots == 2;
}

static const char *read_token(amlaps_secret_t **token, const char *path, apr_pool_t *pool)
{
    const char *mistake = amlaps_credential_file(token, path, AMLAPS_FILE_PUBLIC, pool);

    if (mistake) {
        return mistake;
    }
    while ((*token)->length > 0 && (unsigned char)(*token)->bytes[(*token)->length - 1] <= ' ') {
        (*token)->length--;
    }
    (*token)->bytes[(*token)->length] = '\0';
    return is_token(*token) ? NULL : apr_psprintf(pool, "'%s' holds no token (a JWT of three parts)", path);
}

const char *amlaps_graph_read_federated_token(const amlaps_tenant_t *tenant, apr_pool_t *pool)
{
    amlaps_secret_t *token;
    const char *mistake = read_token(&token, tenant->token_file, pool);

    if (token) {
        amlaps_secret_wipe(token);
    }
    return mistake;
}

static const char *read_files(amlaps_secret_t **certificate, amlaps_secret_t **key, const amlaps_tenant_t *tenant, apr_pool_t *pool)
{
    const int one = strcmp(tenant->certificate_file, tenant->key_file) == 0;
    const char *mistake = amlaps_credential_file(certificate, tenant->certificate_file, one ? AMLAPS_FILE_SECRET : AMLAPS_FILE_PUBLIC, pool);

    if (!mistake && !one) {
        mistake = amlaps_credential_file(key, tenant->key_file, AMLAPS_FILE_SECRET, pool);
    }
    else {
        *key = *certificate;
    }
    return mistake;
}

const char *amlaps_graph_read_certificate(amlaps_tenant_t *tenant, apr_time_t now, apr_pool_t *pool)
{
    amlaps_secret_t *certificate = NULL, *key = NULL;
    amlaps_certificate_t *pair;
    apr_pool_t *scratch;
    const char *mistake = read_files(&certificate, &key, tenant, pool);

    if (mistake) {
        return mistake;
    }
    apr_pool_create(&scratch, pool);
    mistake = amlaps_certificate_open(&pair, certificate, key, tenant->rs256, now, scratch);
    mistake = mistake ? apr_psprintf(pool, "'%s' with '%s': %s", tenant->certificate_file, tenant->key_file, mistake) : NULL;
    apr_pool_destroy(scratch);
    if (!mistake) {
        tenant->certificate = certificate;
        tenant->key = key;
    }
    return mistake;
}

apr_time_t amlaps_graph_certificate_expires(const amlaps_tenant_t *tenant, apr_pool_t *pool)
{
    amlaps_certificate_t *pair;
    apr_time_t expires = 0;
    apr_pool_t *scratch;

    if (!tenant->certificate) {
        return 0;
    }
    apr_pool_create(&scratch, pool);
    if (!amlaps_certificate_open(&pair, tenant->certificate, tenant->key, tenant->rs256, apr_time_now(), scratch)) {
        expires = amlaps_certificate_expires(pair);
    }
    apr_pool_destroy(scratch);
    return expires;
}

/* The files as they are now, so that a renewed pair works without a restart; where this process may not read them, or finds a pair
 * half replaced, the one of the start. */
static const char *open_pair(amlaps_certificate_t **pair, const amlaps_tenant_t *tenant, apr_time_t now, apr_pool_t *pool)
{
    amlaps_secret_t *certificate = NULL, *key = NULL;
    const char *mistake = read_files(&certificate, &key, tenant, pool);

    if (!mistake) {
        mistake = amlaps_certificate_open(pair, certificate, key, tenant->rs256, now, pool);
    }
    if (mistake && tenant->certificate) {
        amlaps_log(AMLAPS_LOG_DEBUG, "AML0347", APR_SUCCESS, "tenant %s: the certificate of the start is used: %s", tenant->name, mistake);
        mistake = amlaps_certificate_open(pair, tenant->certificate, tenant->key, tenant->rs256, now, pool);
    }
    return mistake;
}

apr_time_t amlaps_assertion_expires(const amlaps_tenant_t *tenant, apr_time_t now, apr_pool_t *pool)
{
    amlaps_certificate_t *pair = NULL;
    apr_time_t expires = now;
    apr_pool_t *scratch;

    if (!tenant->certificate) {
        return 0;
    }
    apr_pool_create(&scratch, pool);
    if (!open_pair(&pair, tenant, now, scratch)) {
        expires = amlaps_certificate_expires(pair);
    }
    apr_pool_destroy(scratch);
    return expires;
}

static const char *header_of(const amlaps_certificate_t *pair, int rs256, apr_pool_t *pool)
{
    unsigned char sum[AMLAPS_THUMBPRINT_MOST];
    const apr_size_t length = amlaps_certificate_thumbprint(sum, pair, rs256);
    amlaps_secret_t *text = amlaps_secret_make(2 * sizeof sum, pool);
    amlaps_json_t *header = amlaps_json_make_object(pool);

    if (length == 0 || !text || amlaps_base64url_append(text, sum, length) != APR_SUCCESS) {
        return NULL;
    }
    amlaps_json_set_text(header, "alg", rs256 ? "RS256" : "PS256");
    amlaps_json_set_text(header, "typ", "JWT");
    amlaps_json_set_text(header, rs256 ? "x5t" : "x5t#S256", text->bytes);
    return amlaps_json_canonical(header, pool);
}

static const char *claims_of(const amlaps_tenant_t *tenant, const char *url, apr_time_t now, apr_pool_t *pool)
{
    amlaps_json_t *claims = amlaps_json_make_object(pool);
    char id[AMLAPS_GUID_LENGTH + 1];

    if (amlaps_text_new_guid(id) != APR_SUCCESS) {
        return NULL;
    }
    amlaps_json_set_text(claims, "aud", url);
    amlaps_json_set_text(claims, "iss", tenant->client_id);
    amlaps_json_set_text(claims, "sub", tenant->client_id);
    amlaps_json_set_text(claims, "jti", id);
    amlaps_json_set_integer(claims, "iat", apr_time_sec(now));
    amlaps_json_set_integer(claims, "nbf", apr_time_sec(now));
    amlaps_json_set_integer(claims, "exp", apr_time_sec(now) + LIFE_SECONDS);
    return amlaps_json_canonical(claims, pool);
}

static int sign(amlaps_secret_t *jwt, const amlaps_certificate_t *pair, const amlaps_tenant_t *tenant, const char *url, apr_time_t now,
                apr_pool_t *pool)
{
    const char *header = header_of(pair, tenant->rs256, pool), *claims = claims_of(tenant, url, now, pool);
    amlaps_secret_t *signature = amlaps_secret_make(1024, pool);

    return header && claims && signature && amlaps_base64url_append(jwt, header, strlen(header)) == APR_SUCCESS
           && amlaps_secret_append(jwt, ".", 1) == APR_SUCCESS
           && amlaps_base64url_append(jwt, claims, strlen(claims)) == APR_SUCCESS
           && amlaps_certificate_sign(signature, pair, tenant->rs256, jwt->bytes, jwt->length) == APR_SUCCESS
           && amlaps_secret_append(jwt, ".", 1) == APR_SUCCESS
           && amlaps_base64url_append(jwt, signature->bytes, signature->length) == APR_SUCCESS;
}

static apr_status_t sign_new(amlaps_secret_t **assertion, apr_time_t *expires, amlaps_error_t *error, const amlaps_tenant_t *tenant,
                             const char *url, apr_time_t now, apr_pool_t *pool, apr_pool_t *scratch)
{
    amlaps_certificate_t *pair = NULL;
    const char *mistake = open_pair(&pair, tenant, now, scratch);

    if (mistake) {
        return amlaps_error_set(error, AMLAPS_TENANT_CREDENTIAL_INVALID, "AML0317", APR_EGENERAL,
                                "tenant %s: AMLapsClientCertificate: %s; put a good pair there", tenant->name, mistake);
    }
    *expires = amlaps_certificate_expires(pair);
    *assertion = amlaps_secret_make(2048, pool);
    if (*assertion && sign(*assertion, pair, tenant, url, now, scratch)) {
        return APR_SUCCESS;
    }
    return amlaps_error_set(error, AMLAPS_TENANT_CREDENTIAL_INVALID, "AML0318", APR_EGENERAL,
                            "tenant %s: OpenSSL cannot sign with the key of AMLapsClientCertificate: for keys without PSS add rs256 to it",
                            tenant->name);
}

apr_status_t amlaps_assertion_make(amlaps_secret_t **assertion, apr_time_t *expires, amlaps_error_t *error,
                                   const amlaps_tenant_t *tenant, const char *url, apr_time_t now, apr_pool_t *pool)
{
    apr_status_t status = APR_SUCCESS;
    apr_pool_t *scratch;

    *expires = 0;
    if (tenant->credential == AMLAPS_CREDENTIAL_FEDERATED) {
        const char *mistake = read_token(assertion, tenant->token_file, pool);
        if (mistake) {
            status = amlaps_error_set(error, AMLAPS_TENANT_CREDENTIAL_INVALID, "AML0319", APR_EGENERAL,
                                      "tenant %s: AMLapsFederatedToken: %s; look at what writes that file, and that httpd's user may read it", tenant->name,
                                      mistake);
        }
        return status;
    }
    apr_pool_create(&scratch, pool);
    status = sign_new(assertion, expires, error, tenant, url, now, pool, scratch);
    apr_pool_destroy(scratch);
    return status;
}
