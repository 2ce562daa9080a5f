/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "request.h"

#include <apr_strings.h>

/* The person's key of the contract, as one text: oid and tid where present, else iss and sub. */
static const char *key_of(const amlaps_person_t *person, apr_pool_t *pool)
{
    return person->oid ? person->oid : apr_pstrcat(pool, person->issuer, "#", person->subject, NULL);
}

static amlaps_json_t *ui_of(const amlaps_config_t *config, apr_pool_t *pool)
{
    amlaps_json_t *ui = amlaps_json_make_object(pool);

    amlaps_json_set_text(ui, "title", amlaps_config_title(config));
    amlaps_json_set_text(ui, "logo", config->logo);
    amlaps_json_set_text(ui, "notice", config->notice);
    amlaps_json_set_text(ui, "help", config->help);
    amlaps_json_set_known(ui, "result", config->result);
    amlaps_json_set_integer(ui, "hideAfter", amlaps_config_hide_after(config));
    amlaps_json_set_text(ui, "language", config->language);
    return ui;
}

amlaps_json_t *amlaps_api_session_json(amlaps_request_t *request)
{
    const amlaps_person_t *person = request->person;
    apr_pool_t *pool = request->r->pool;
    const amlaps_asker_t asker = amlaps_api_asker(request);
    amlaps_json_t *answer = amlaps_json_make_object(pool), *user = amlaps_json_make_object(pool);
    amlaps_json_t *tenants = amlaps_json_make_array(pool), *roles;
    int has[AMLAPS_ROLES];
    apr_size_t i;

    amlaps_json_set_text(user, "id", key_of(person, pool));
    amlaps_json_set_text(user, "name", person->name);
    amlaps_json_set_text(user, "username", person->username);
    amlaps_json_set(answer, "user", user);
    roles = amlaps_json_make_array(pool);
    amlaps_access_roles(has, request->access, &asker, pool);
    if (has[AMLAPS_ROLE_AUDITOR]) {
        amlaps_json_add_text(roles, "auditor");
    }
    if (has[AMLAPS_ROLE_OPERATOR]) {
        amlaps_json_add_text(roles, "operator");
    }
    amlaps_json_set(answer, "roles", roles);
    for (i = 0; i < request->access->tenant_count; i++) {
        amlaps_json_t *tenant = amlaps_json_make_object(pool);

        amlaps_json_set_text(tenant, "name", request->access->tenants[i]);
        amlaps_json_add(tenants, tenant);
    }
    amlaps_json_set(answer, "tenants", tenants);
    amlaps_json_set(answer, "ui", ui_of(request->config, pool));
    amlaps_json_set_text(answer, "version", AMLAPS_VERSION);
    return answer;
}

int amlaps_api_session(amlaps_request_t *request)
{
    return amlaps_respond_json(request->r, HTTP_OK, amlaps_api_session_json(request));
}
