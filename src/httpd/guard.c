/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "request.h"

#include <apr_strings.h>

/* application/json, with or without parameters. */
static int is_json(const char *type)
{
    static const char json[] = "application/json";
    const char *rest;

    if (!type || ap_cstr_casecmpn(type, json, sizeof(json) - 1)) {
        return 0;
    }
    for (rest = type + sizeof(json) - 1; *rest == ' ' || *rest == '\t'; rest++) {
    }
    return !*rest || *rest == ';';
}

/* The origin that the browser sees: scheme, and host with port as it sent them. */
static int is_own_origin(const char *origin, request_rec *r)
{
    const char *host = apr_table_get(r->headers_in, "Host");

    return host && *host && !ap_cstr_casecmp(origin, apr_pstrcat(r->pool, ap_http_scheme(r), "://", host, NULL));
}

/* Clients that are no browsers send none; "none" is what somebody typed or bookmarked. "same-site" is another host of the same domain. */
static apr_status_t check_site(amlaps_error_t *error, const char *site, int posts)
{
    if (site && strcmp(site, "same-origin") && (posts || strcmp(site, "none"))) {
        return amlaps_error_set(error, AMLAPS_CROSS_SITE, "AML0132", APR_EGENERAL, "The request comes from another site.");
    }
    return APR_SUCCESS;
}

static apr_status_t check_post(amlaps_error_t *error, request_rec *r, const char *site)
{
    const char *origin = apr_table_get(r->headers_in, "Origin"), *mark = apr_table_get(r->headers_in, "X-AMLaps-Request");

    if (!is_json(apr_table_get(r->headers_in, "Content-Type"))) {
        return amlaps_error_set(error, AMLAPS_CROSS_SITE, "AML0130", APR_EGENERAL, "Send Content-Type: application/json.");
    }
    if (!mark || strcmp(mark, "1")) {
        return amlaps_error_set(error, AMLAPS_CROSS_SITE, "AML0131", APR_EGENERAL, "Send the header X-AMLaps-Request: 1.");
    }
    if (!site && (!origin || !is_own_origin(origin, r))) {
        return amlaps_error_set(error, AMLAPS_CROSS_SITE, "AML0133", APR_EGENERAL,
                                "Send Sec-Fetch-Site: same-origin, or the server's own Origin.");
    }
    return APR_SUCCESS;
}

apr_status_t amlaps_guard_check(amlaps_error_t *error, request_rec *r)
{
    const char *site = apr_table_get(r->headers_in, "Sec-Fetch-Site");
    const int posts = r->method_number == M_POST;

    if (check_site(error, site, posts) != APR_SUCCESS) {
        return error->status;
    }
    return posts ? check_post(error, r, site) : APR_SUCCESS;
}
