/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "counts.h"
#include "lifecycle.h"
#include "request.h"

#include <apr_strings.h>
#include <http_log.h>

#include "amlaps/text.h"

APLOG_USE_MODULE(amlaps);

typedef int (*endpoint_t)(amlaps_request_t *request);

/* A segment "*" stands for any one. */
static const struct route_t {
    const char *segments[5];
    const char *method;
    endpoint_t serve;
    amlaps_endpoint_t counted;
} routes[] = {
    { { "session" }, "GET", amlaps_api_session, AMLAPS_ENDPOINT_SESSION },
    { { "explain" }, "POST", amlaps_api_explain, AMLAPS_ENDPOINT_EXPLAIN },
    { { "audit" }, "GET", amlaps_api_audit, AMLAPS_ENDPOINT_AUDIT },
    { { "audit", "verify" }, "GET", amlaps_api_audit_verify, AMLAPS_ENDPOINT_AUDIT },
    { { "audit", "export" }, "GET", amlaps_api_audit_export, AMLAPS_ENDPOINT_AUDIT },
    { { "status" }, "GET", amlaps_api_status, AMLAPS_ENDPOINT_STATUS },
    { { "devices" }, "GET", amlaps_api_search, AMLAPS_ENDPOINT_SEARCH },
    { { "devices", "*", "*" }, "GET", amlaps_api_device, AMLAPS_ENDPOINT_DEVICE },
    { { "devices", "*", "*", "password" }, "POST", amlaps_api_password, AMLAPS_ENDPOINT_PASSWORD },
    { { "devices", "*", "*", "history" }, "POST", amlaps_api_history, AMLAPS_ENDPOINT_HISTORY },
};

static int matches(const struct route_t *route, const amlaps_request_t *request)
{
    int i;

    for (i = 0; i < 5 && route->segments[i]; i++) {
        if (i >= request->segment_count || (strcmp(route->segments[i], "*") && strcmp(route->segments[i], request->segments[i]))) {
            return 0;
        }
    }
    return i == request->segment_count;
}

/* r->uri is decoded once by httpd; a segment is taken as it stands then. An empty one matches no route. */
static int split(amlaps_request_t *request, const char *path)
{
    char *rest = apr_pstrdup(request->r->pool, path);

    request->segment_count = 0;
    for (;;) {
        char *slash = strchr(rest, '/');

        if (slash) {
            *slash = '\0';
        }
        if (!*rest || request->segment_count == 6) {
            return 0;
        }
        request->segments[request->segment_count++] = rest;
        if (!slash) {
            return 1;
        }
        rest = slash + 1;
    }
}

static int refuse_method(const amlaps_request_t *request, const char *allow)
{
    amlaps_error_t error = { 0 };

    apr_table_setn(request->r->err_headers_out, "Allow", allow);
    amlaps_error_set(&error, AMLAPS_METHOD_NOT_ALLOWED, "AML0120", APR_EGENERAL, "Use %s here.", allow);
    return amlaps_respond_problem(request, &error);
}

/* For machines that watch this server: no mount, no person, and nothing but to read. */
static int serve_machine(request_rec *r, int (*serve)(request_rec *r))
{
    char guid[AMLAPS_GUID_LENGTH + 1] = "";
    const amlaps_request_t request = { .r = r, .id = guid, .path = r->uri };

    amlaps_headers_set(r, 0);
    if (r->method_number == M_GET) {
        return serve(r);
    }
    amlaps_text_new_guid(guid);
    return refuse_method(&request, "GET, HEAD");
}

static const struct route_t *find_route(amlaps_request_t *request, const char *path)
{
    size_t i;

    if (!split(request, path)) {
        return NULL;
    }
    for (i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        if (matches(&routes[i], request)) {
            return &routes[i];
        }
    }
    return NULL;
}

/* What must hold before an endpoint of the API is reached. */
static apr_status_t admit(amlaps_error_t *error, amlaps_request_t *request)
{
    if (amlaps_guard_check(error, request->r) != APR_SUCCESS) {
        return error->status;
    }
    return amlaps_api_admit(error, request);
}

static int serve_api(amlaps_request_t *request, const char *path)
{
    const struct route_t *route = find_route(request, path);
    amlaps_error_t error = { 0 };
    request_rec *r = request->r;

    if (!route) {
        amlaps_error_set(&error, AMLAPS_NOT_FOUND, "AML0122", APR_EGENERAL, "There is nothing at this address of the API.");
        return amlaps_respond_problem(request, &error);
    }
    request->tally->endpoint = route->counted;
    if (strcmp(r->method, route->method) && !(r->header_only && !strcmp(route->method, "GET"))) {
        return refuse_method(request, strcmp(route->method, "GET") ? "POST" : "GET, HEAD");
    }
    return admit(&error, request) == APR_SUCCESS ? route->serve(request) : amlaps_respond_problem(request, &error);
}

int amlaps_httpd_handler(request_rec *r)
{
    char guid[AMLAPS_GUID_LENGTH + 1];
    const amlaps_mount_t *mount;
    amlaps_request_t request = { 0 };
    amlaps_tally_t tally;
    int status;

    if (r->handler && !strcmp(r->handler, "amlaps-health")) {
        return serve_machine(r, amlaps_health_serve);
    }
    if (r->handler && !strcmp(r->handler, "amlaps-metrics")) {
        return serve_machine(r, amlaps_metrics_serve);
    }
    if (!r->handler || strcmp(r->handler, "amlaps")) {
        return DECLINED;
    }
    mount = amlaps_mount_of(r);
    if (!mount) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, "AML0124: SetHandler amlaps works inside <Location \"/PATH\"> alone; move it there");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    if (amlaps_text_new_guid(guid) != APR_SUCCESS) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, "AML0125: no random numbers to be had; nothing is served without them");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    request.r = r;
    request.config = amlaps_config_of(r->server);
    request.access = amlaps_lifecycle_access(r->server);
    request.id = apr_pstrdup(r->pool, guid);
    request.path = r->uri + mount->length;
    if (!*request.path) {
        apr_table_setn(r->headers_out, "Location", apr_pstrcat(r->pool, ap_escape_uri(r->pool, r->uri), "/", r->args ? "?" : NULL, r->args, NULL));
        amlaps_headers_set(r, 0);
        return HTTP_MOVED_PERMANENTLY;
    }
    request.path++;
    request.circumstances = amlaps_when_of_request(r);
    request.tally = &tally;
    if (!strncmp(request.path, "api/", 4) || !strcmp(request.path, "api")) {
        amlaps_counts_begin(&tally, AMLAPS_ENDPOINT_OTHER);
        amlaps_headers_set(r, 0);
        status = serve_api(&request, strncmp(request.path, "api/v1/", 7) ? "" : request.path + 7);
    } else {
        amlaps_counts_begin(&tally, AMLAPS_ENDPOINT_PAGE);
        status = amlaps_page_serve(&request);
        if (status == HTTP_NOT_FOUND || status == HTTP_METHOD_NOT_ALLOWED) {
            tally.code = status == HTTP_NOT_FOUND ? AMLAPS_NOT_FOUND : AMLAPS_METHOD_NOT_ALLOWED;
        }
    }
    amlaps_counts_end(&tally);
    return status;
}
