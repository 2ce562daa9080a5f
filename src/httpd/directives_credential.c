/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "directives.h"
#include "secret_source.h"

#include <apr_strings.h>

#include "amlaps/text.h"

/* What a tenant's app proves itself with: one of four directives. Files are read in check_config, where all of the tenant is known. */

static const char *open_without_credential(amlaps_tenant_config_t **tenant, cmd_parms *cmd)
{
    const char *mistake = amlaps_directive_open_tenant(tenant, cmd);

    if (mistake) {
        return mistake;
    }
    if (!(*tenant)->credential) {
        (*tenant)->credential = cmd->cmd->name;
        (*tenant)->credential_origin = amlaps_directive_origin(cmd, cmd->pool);
        return NULL;
    }
    return apr_psprintf(cmd->pool, "%s: this tenant has two credentials, the other is %s; keep one of AMLapsClientSecret, "
                        "AMLapsClientCertificate, AMLapsFederatedToken and AMLapsManagedIdentity", cmd->cmd->name, (*tenant)->credential);
}

const char *amlaps_directive_client_secret(cmd_parms *cmd, void *dir, const char *line)
{
    amlaps_tenant_config_t *tenant;
    const char *mistake = open_without_credential(&tenant, cmd);

    (void)dir;
    if (mistake || (mistake = amlaps_secret_source_read(&tenant->secret_source, cmd, line))) {
        return mistake;
    }
    tenant->tenant.credential = AMLAPS_CREDENTIAL_SECRET;
    if (!strncmp(tenant->secret_source, "file:", 5)) {
        tenant->tenant.secret_file = tenant->secret_source + 5;
    }
    return NULL;
}

const char *amlaps_directive_client_certificate(cmd_parms *cmd, void *dir, const char *line)
{
    amlaps_tenant_config_t *tenant;
    const char *mistake = open_without_credential(&tenant, cmd);
    apr_array_header_t *words;

    (void)dir;
    if (mistake || (mistake = amlaps_directive_words(&words, cmd, line))) {
        return mistake;
    }
    if (words->nelts > 1 && !ap_cstr_casecmp(APR_ARRAY_IDX(words, words->nelts - 1, const char *), "rs256")) {
        tenant->tenant.rs256 = 1;
        words->nelts--;
    }
    if (words->nelts < 1 || words->nelts > 2 || !*APR_ARRAY_IDX(words, 0, const char *)) {
        return apr_psprintf(cmd->pool, "%s: write CERT.pem, then KEY.pem unless the key is in the same file, then rs256 where the key "
                            "can't sign with PSS", cmd->cmd->name);
    }
    tenant->tenant.certificate_file = ap_server_root_relative(cmd->pool, APR_ARRAY_IDX(words, 0, const char *));
    tenant->tenant.key_file = ap_server_root_relative(cmd->pool, APR_ARRAY_IDX(words, words->nelts - 1, const char *));
    if (!tenant->tenant.certificate_file || !tenant->tenant.key_file) {
        return apr_psprintf(cmd->pool, "%s: write paths of files", cmd->cmd->name);
    }
    tenant->tenant.credential = AMLAPS_CREDENTIAL_CERTIFICATE;
    return NULL;
}

const char *amlaps_directive_federated_token(cmd_parms *cmd, void *dir, const char *value)
{
    amlaps_tenant_config_t *tenant;
    const char *mistake = open_without_credential(&tenant, cmd);

    (void)dir;
    if (mistake) {
        return mistake;
    }
    tenant->tenant.token_file = ap_server_root_relative(cmd->pool, value);
    if (!tenant->tenant.token_file) {
        return apr_psprintf(cmd->pool, "%s: '%s' is no path; write the path of the token file", cmd->cmd->name, value);
    }
    tenant->tenant.credential = AMLAPS_CREDENTIAL_FEDERATED;
    return NULL;
}

const char *amlaps_directive_managed_identity(cmd_parms *cmd, void *dir, const char *value)
{
    char guid[AMLAPS_GUID_LENGTH + 1];
    amlaps_tenant_config_t *tenant;
    const char *mistake = open_without_credential(&tenant, cmd);

    (void)dir;
    if (mistake) {
        return mistake;
    }
    if (amlaps_text_guid(guid, value)) {
        tenant->identity = apr_pstrdup(cmd->pool, guid);
    } else if (ap_cstr_casecmp(value, "system")) {
        return apr_psprintf(cmd->pool, "%s: '%s' is neither system nor a GUID; write system, or the client id of the user-assigned "
                            "identity", cmd->cmd->name, value);
    }
    tenant->tenant.credential = AMLAPS_CREDENTIAL_IDENTITY;
    return NULL;
}

const char *amlaps_credential_load(amlaps_tenant_config_t *tenant, apr_pool_t *pool)
{
    amlaps_secret_t *secret = NULL;
    const char *mistake;

    switch (tenant->tenant.credential) {
    case AMLAPS_CREDENTIAL_CERTIFICATE:
        return tenant->tenant.certificate ? NULL : amlaps_graph_read_certificate(&tenant->tenant, apr_time_now(), pool);
    case AMLAPS_CREDENTIAL_FEDERATED:
        return amlaps_graph_read_federated_token(&tenant->tenant, pool);
    case AMLAPS_CREDENTIAL_IDENTITY:
        return tenant->tenant.identity ? NULL : amlaps_graph_find_identity(&tenant->tenant, tenant->identity, pool);
    default:
        if (tenant->tenant.client_secret || (mistake = amlaps_secret_source_load(&secret, tenant->secret_source, pool)) == NULL) {
            tenant->tenant.client_secret = secret ? secret : tenant->tenant.client_secret;
            return NULL;
        }
        return mistake;
    }
}
