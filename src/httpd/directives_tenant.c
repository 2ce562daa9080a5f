/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "directives.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_uri.h>

#include "amlaps/text.h"
#include "amlaps/transport.h"

static const char *const inside_tenant[] = {
    "AMLapsTenantId", "AMLapsClientId", "AMLapsClientSecret", "AMLapsClientCertificate", "AMLapsFederatedToken", "AMLapsManagedIdentity",
    "AMLapsCloud", "AMLapsLoginURL", "AMLapsGraphURL", "AMLapsCAFile", NULL,
};

const char *amlaps_directive_open_tenant(amlaps_tenant_config_t **tenant, cmd_parms *cmd)
{
    *tenant = amlaps_directive_config(cmd)->open_tenant;
    return *tenant ? NULL : apr_psprintf(cmd->pool, "%s belongs into a section <AMLapsTenant NAME>", cmd->cmd->name);
}

const char *amlaps_directive_check_name(cmd_parms *cmd, const char *name, const char *example)
{
    const char *c;

    for (c = name; *c; c++) {
        if (!apr_isalnum(*c) && *c != '-' && *c != '_' && *c != '.') {
            break;
        }
    }
    if (!*name || *c || strlen(name) > 64 || !strcmp(name, ".") || !strcmp(name, "..")) {
        return apr_psprintf(cmd->pool, "%s: '%s' is no name; write a short word of letters, digits, '-', '_' or '.', such as %s", cmd->cmd->name,
                            name, example);
    }
    return NULL;
}

static const char *finish(cmd_parms *cmd, amlaps_tenant_config_t *tenant)
{
    const char *login_url = NULL, *graph_url = NULL;

    if (!tenant->tenant.tenant_id) {
        return apr_psprintf(cmd->pool, "<AMLapsTenant %s> lacks AMLapsTenantId; write the directory (tenant) id, a GUID, or a verified "
                            "domain", tenant->tenant.name);
    }
    if (!tenant->tenant.client_id && tenant->tenant.credential == AMLAPS_CREDENTIAL_IDENTITY) {
        tenant->tenant.client_id = tenant->identity ? tenant->identity : "(managed identity)";
    }
    if (!tenant->tenant.client_id) {
        return apr_psprintf(cmd->pool, "<AMLapsTenant %s> lacks AMLapsClientId; write the application (client) id of the app "
                            "registration", tenant->tenant.name);
    }
    if (!tenant->credential) {
        return apr_psprintf(cmd->pool, "<AMLapsTenant %s> lacks a credential; write one of AMLapsClientSecret, AMLapsClientCertificate, "
                            "AMLapsFederatedToken and AMLapsManagedIdentity", tenant->tenant.name);
    }
    amlaps_graph_cloud(&login_url, &graph_url, tenant->cloud ? tenant->cloud : "global");
    if (!tenant->tenant.login_url) {
        tenant->tenant.login_url = login_url;
    }
    if (!tenant->tenant.graph_url) {
        tenant->tenant.graph_url = graph_url;
    }
    return NULL;
}

const char *amlaps_directive_tenant_section(cmd_parms *cmd, void *dir, const char *line)
{
    amlaps_config_t *config = amlaps_directive_config(cmd);
    amlaps_tenant_config_t *tenant;
    apr_array_header_t *words;
    const char *mistake;
    int i;

    (void)dir;
    if ((mistake = amlaps_directive_open_section(&words, cmd, line))) {
        return mistake;
    }
    if (words->nelts != 1) {
        return "<AMLapsTenant takes one name, such as <AMLapsTenant contoso>";
    }
    tenant = apr_pcalloc(cmd->pool, sizeof(*tenant));
    tenant->tenant.name = APR_ARRAY_IDX(words, 0, const char *);
    tenant->origin = amlaps_directive_origin(cmd, cmd->pool);
    if ((mistake = amlaps_directive_check_name(cmd, tenant->tenant.name, "contoso"))) {
        return mistake;
    }
    for (i = 0; i < config->tenants->nelts; i++) {
        const amlaps_tenant_config_t *other = APR_ARRAY_IDX(config->tenants, i, amlaps_tenant_config_t *);

        if (!ap_cstr_casecmp(other->tenant.name, tenant->tenant.name)) {
            return apr_psprintf(cmd->pool, "<AMLapsTenant %s> is a duplicate name: it stands at %s already; give this tenant another",
                                tenant->tenant.name, other->origin);
        }
    }
    config->open_tenant = tenant;
    mistake = amlaps_directive_walk_section(cmd, inside_tenant);
    config->open_tenant = NULL;
    if (mistake || (mistake = finish(cmd, tenant))) {
        return mistake;
    }
    APR_ARRAY_PUSH(config->tenants, amlaps_tenant_config_t *) = tenant;
    return NULL;
}

static const char *once(cmd_parms *cmd, const char *earlier)
{
    return earlier ? apr_psprintf(cmd->pool, "%s stands twice in this section; keep one", cmd->cmd->name) : NULL;
}

/* Labels of letters, digits and hyphens, at least two: a domain that Entra could have verified. */
static int is_domain(const char *text)
{
    int labels = 1, length = 0;
    const char *c;

    for (c = text; *c; c++) {
        if (*c == '.') {
            if (!length) {
                return 0;
            }
            labels++;
            length = 0;
        } else if (apr_isalnum(*c) || (*c == '-' && length)) {
            length++;
        } else {
            return 0;
        }
    }
    return labels > 1 && length && c - text <= 253;
}

const char *amlaps_directive_tenant_id(cmd_parms *cmd, void *dir, const char *value)
{
    char guid[AMLAPS_GUID_LENGTH + 1];
    amlaps_tenant_config_t *tenant;
    const char *mistake;

    (void)dir;
    if ((mistake = amlaps_directive_open_tenant(&tenant, cmd)) || (mistake = once(cmd, tenant->tenant.tenant_id))) {
        return mistake;
    }
    if (amlaps_text_guid(guid, value)) {
        tenant->tenant.tenant_id = apr_pstrdup(cmd->pool, guid);
    } else if (is_domain(value)) {
        tenant->tenant.tenant_id = value;
    } else {
        return apr_psprintf(cmd->pool, "AMLapsTenantId: '%s' is neither a GUID nor a verified domain; write the directory (tenant) id "
                            "from the overview of the tenant, such as 8aa4c1a8-0d5e-4f3b-9a0c-1f2f4b0a7c11 ('common' and "
                            "'organizations' can't ask for passwords)", value);
    }
    return NULL;
}

const char *amlaps_directive_client_id(cmd_parms *cmd, void *dir, const char *value)
{
    char guid[AMLAPS_GUID_LENGTH + 1];
    amlaps_tenant_config_t *tenant;
    const char *mistake;

    (void)dir;
    if ((mistake = amlaps_directive_open_tenant(&tenant, cmd)) || (mistake = once(cmd, tenant->tenant.client_id))) {
        return mistake;
    }
    if (!amlaps_text_guid(guid, value)) {
        return apr_psprintf(cmd->pool, "AMLapsClientId: '%s' is no GUID; write the application (client) id of the app registration, such "
                            "as 535fb089-9ff3-47b6-9bfb-4f1264799865", value);
    }
    tenant->tenant.client_id = apr_pstrdup(cmd->pool, guid);
    return NULL;
}

const char *amlaps_directive_cloud(cmd_parms *cmd, void *dir, const char *value)
{
    const char *login_url, *graph_url, *mistake;
    amlaps_tenant_config_t *tenant;

    (void)dir;
    if ((mistake = amlaps_directive_open_tenant(&tenant, cmd)) || (mistake = once(cmd, tenant->cloud))) {
        return mistake;
    }
    if (!amlaps_graph_cloud(&login_url, &graph_url, value)) {
        return apr_psprintf(cmd->pool, "AMLapsCloud: '%s' is no cloud; write one of %s", value, login_url);
    }
    tenant->cloud = value;
    return NULL;
}

static const char *root_url(const char **url, cmd_parms *cmd, const char *value)
{
    apr_size_t length = strlen(value);
    const char *mistake;
    apr_uri_t uri;

    if ((mistake = once(cmd, *url))) {
        return mistake;
    }
    if (amlaps_text_has_controls(value) || strpbrk(value, " \"<>\\^`{|}") || apr_uri_parse(cmd->temp_pool, value, &uri) != APR_SUCCESS || !uri.scheme || !uri.hostname || !*uri.hostname || uri.query ||
        uri.fragment || uri.user || uri.password ||
        (ap_cstr_casecmp(uri.scheme, "https") && ap_cstr_casecmp(uri.scheme, "http"))) {
        return apr_psprintf(cmd->pool, "%s: '%s' is no root; write https://HOST[:PORT] without a query", cmd->cmd->name, value);
    }
    if (uri.port_str && (*uri.port_str == '\0' || atoi(uri.port_str) < 1 || atoi(uri.port_str) > 65535)) {
        return apr_psprintf(cmd->pool, "%s: '%s' is no port; write one from 1 to 65535, or none", cmd->cmd->name, uri.port_str);
    }
    if (uri.path && (ap_strcasestr(uri.path, "/v1.0") || ap_strcasestr(uri.path, "/beta") || ap_strcasestr(uri.path, "/oauth2"))) {
        return apr_psprintf(cmd->pool, "%s: write the root alone, without '%s'", cmd->cmd->name, uri.path);
    }
    if (!ap_cstr_casecmp(uri.scheme, "http") && !amlaps_text_is_loopback(uri.hostname)) {
        return apr_psprintf(cmd->pool, "%s: http:// would send tokens and passwords to %s in clear; write https:// (http:// is for loopback "
                            "addresses alone)", cmd->cmd->name, uri.hostname);
    }
    while (length && value[length - 1] == '/') {
        length--;
    }
    *url = apr_pstrmemdup(cmd->pool, value, length);
    return NULL;
}

const char *amlaps_directive_login_url(cmd_parms *cmd, void *dir, const char *value)
{
    amlaps_tenant_config_t *tenant;
    const char *mistake = amlaps_directive_open_tenant(&tenant, cmd);

    (void)dir;
    return mistake ? mistake : root_url(&tenant->tenant.login_url, cmd, value);
}

const char *amlaps_directive_graph_url(cmd_parms *cmd, void *dir, const char *value)
{
    amlaps_tenant_config_t *tenant;
    const char *mistake = amlaps_directive_open_tenant(&tenant, cmd);

    (void)dir;
    return mistake ? mistake : root_url(&tenant->tenant.graph_url, cmd, value);
}

const char *amlaps_directive_ca_file(cmd_parms *cmd, void *dir, const char *value)
{
    amlaps_channel_config_t *channel = amlaps_directive_config(cmd)->open_channel;
    amlaps_tenant_config_t *tenant = NULL;
    const char *mistake = channel ? NULL : amlaps_directive_open_tenant(&tenant, cmd), *path;
    const char **target;

    (void)dir;
    if (mistake) {
        return mistake;
    }
    target = channel ? &channel->channel.ca_file : &tenant->tenant.ca_file;
    if ((mistake = once(cmd, *target))) {
        return mistake;
    }
    path = ap_server_root_relative(cmd->pool, value);
    if (!path || (mistake = amlaps_certificates_check(path))) {
        return apr_psprintf(cmd->pool, "AMLapsCAFile: '%s' %s", value, path ? mistake : "is no path");
    }
    *target = path;
    return NULL;
}
