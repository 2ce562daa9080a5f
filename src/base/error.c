/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "amlaps/base.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "text_internal.h"

static const char *const words[AMLAPS_CODES] = {
    [AMLAPS_OK] = "ok",
    [AMLAPS_BAD_REQUEST] = "bad_request",
    [AMLAPS_CROSS_SITE] = "cross_site",
    [AMLAPS_NOT_FOUND] = "not_found",
    [AMLAPS_METHOD_NOT_ALLOWED] = "method_not_allowed",
    [AMLAPS_NOT_AUTHENTICATED] = "not_authenticated",
    [AMLAPS_NOT_AUTHORIZED] = "not_authorized",
    [AMLAPS_REASON_REQUIRED] = "reason_required",
    [AMLAPS_REASON_INVALID] = "reason_invalid",
    [AMLAPS_RATE_LIMITED] = "rate_limited",
    [AMLAPS_NO_PASSWORD] = "no_password",
    [AMLAPS_POLICY_UNDECIDABLE] = "policy_undecidable",
    [AMLAPS_TENANT_CREDENTIAL_INVALID] = "tenant_credential_invalid",
    [AMLAPS_TENANT_PERMISSION_MISSING] = "tenant_permission_missing",
    [AMLAPS_TENANT_THROTTLED] = "tenant_throttled",
    [AMLAPS_TENANT_UNREACHABLE] = "tenant_unreachable",
    [AMLAPS_TENANT_ERROR] = "tenant_error",
    [AMLAPS_AUDIT_UNAVAILABLE] = "audit_unavailable",
    [AMLAPS_NOTIFICATION_FAILED] = "notification_failed",
    [AMLAPS_BUSY] = "busy",
};

const char *amlaps_code_word(amlaps_code_t code)
{
    /* A value from outside the list can only be a mistake of ours; it must neither crash nor read as "ok". */
    if ((unsigned)code >= AMLAPS_CODES || words[code] == NULL) {
        return "unknown";
    }
    return words[code];
}

apr_status_t amlaps_error_cause(apr_status_t status)
{
    /* APR calls them "could not find specified socket in poll list", "not implemented on this platform" and the like. */
    static const apr_status_t words_alone[] = { APR_EGENERAL, APR_NOTFOUND, APR_ENOTIMPL, APR_INCOMPLETE };
    size_t i = 0;

    while (i < sizeof(words_alone) / sizeof(words_alone[0]) && words_alone[i] != status) {
        i++;
    }
    return i < sizeof(words_alone) / sizeof(words_alone[0]) ? APR_SUCCESS : status;
}

apr_status_t amlaps_error_set(amlaps_error_t *error, amlaps_code_t code, const char *id, apr_status_t status,
                              const char *format, ...)
{
    va_list arguments;

    if (error->status != APR_SUCCESS) {
        return error->status;
    }
    error->status = status == APR_SUCCESS ? APR_EGENERAL : status;
    error->code = code;
    error->id = id;
    va_start(arguments, format);
    if (vsnprintf(error->detail, sizeof(error->detail), format, arguments) < 0) {
        error->detail[0] = '\0';
    }
    va_end(arguments);
    /* The detail goes into JSON: half a character at the cut would turn up there as U+FFFD. */
    amlaps_text_trim_half(error->detail);
    return error->status;
}
