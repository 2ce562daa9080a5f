/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "consent.h"

#include <apr_strings.h>

const char *amlaps_consent_where(const amlaps_tenant_t *tenant, apr_pool_t *pool)
{
    if (tenant->credential == AMLAPS_CREDENTIAL_IDENTITY) {
        return "by an app role assignment (Graph PowerShell: New-MgServicePrincipalAppRoleAssignment); the machine keeps the token of before for up "
               "to a day";
    }
    return apr_psprintf(pool, "under API permissions of its app registration, and consent at %s/%s/adminconsent?client_id=%s",
                        tenant->login_url, tenant->tenant_id, tenant->client_id);
}
