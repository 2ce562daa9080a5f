/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "request.h"

#include <apr_strings.h>
#include <util_script.h>

static apr_status_t unknown(amlaps_error_t *error, const amlaps_parameter_t *known, apr_pool_t *pool)
{
    const char *names = NULL;

    for (; known->name; known++) {
        names = names ? apr_pstrcat(pool, names, ", ", known->name, NULL) : known->name;
    }
    return amlaps_error_set(error, AMLAPS_BAD_REQUEST, "AML0160", APR_EGENERAL, "The query takes no parameter but %s, each once as NAME=VALUE.",
                            names ? names : "none");
}

static apr_status_t wrong(amlaps_error_t *error, const char *name, const char *what)
{
    return amlaps_error_set(error, AMLAPS_BAD_REQUEST, "AML0157", APR_EGENERAL, "The parameter %s of the query %s.", name, what);
}

apr_status_t amlaps_query_read(const amlaps_parameter_t *known, amlaps_error_t *error, const amlaps_request_t *request)
{
    apr_pool_t *pool = request->r->pool;
    const char *args = request->r->args ? request->r->args : "";
    const amlaps_parameter_t *parameter;

    for (parameter = known; parameter->name; parameter++) {
        *parameter->value = NULL;
    }
    while (*args) {
        char *pair = ap_getword(pool, &args, '&');
        char *value = strchr(pair, '=');

        if (!*pair) {
            continue;
        }
        if (value) {
            *value++ = '\0';
        }
        for (parameter = known; parameter->name && strcmp(parameter->name, pair); parameter++) {
        }
        if (!parameter->name) {
            return unknown(error, known, pool);
        }
        if (*parameter->value) {
            return wrong(error, parameter->name, "stands twice; write it once");
        }
        if (!value) {
            return wrong(error, parameter->name, "has no value; write NAME=VALUE");
        }
        if (ap_unescape_urlencoded(value) != OK) {
            return wrong(error, parameter->name, "has a broken percent-encoding or %00; write a percent sign as %25");
        }
        *parameter->value = value;
    }
    /* Forms and generated clients send what was not filled in as well. */
    for (parameter = known; parameter->name; parameter++) {
        if (*parameter->value && !**parameter->value && !parameter->keeps_empty) {
            *parameter->value = NULL;
        }
    }
    return APR_SUCCESS;
}
