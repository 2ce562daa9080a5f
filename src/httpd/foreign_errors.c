/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "lifecycle.h"
#include "request.h"

#include <http_core.h>
#include <http_log.h>

#include "amlaps/text.h"

APLOG_USE_MODULE(amlaps);

#define FILTER "AMLAPS_PROBLEM"

static int is_api(request_rec *r)
{
    const amlaps_mount_t *mount = amlaps_mount_of(r);
    const char *path = mount ? r->uri + mount->length : "";

    return !strncmp(path, "/api/", 5) || !strcmp(path, "/api");
}

/* Of a line that is too long httpd keeps the beginning, and takes no path out of it. */
static void find_path(request_rec *r)
{
    const char *line = r->the_request;

    if (!r->uri && line) {
        ap_getword_white(r->pool, &line);
        line = ap_getword_white(r->pool, &line);
        r->uri = ap_getword(r->pool, &line, '?');
    }
}

/*
 * Answers under the API that are not the handler's: mod_auth_openidc's 401, httpd's own 400 or 403. A client of the API reads problems, so
 * httpd's HTML becomes one here, and an ErrorDocument to which httpd went from there. Redirects to the sign-in stay as they are.
 */
static int is_api_error(request_rec *r)
{
    request_rec *asked = r;

    while (asked->prev) {
        asked = asked->prev;
    }
    find_path(asked);
    return r->status >= 400 && is_api(asked);
}

/* What the code usually says would be wrong here: httpd knows nothing of devices. Where it is right, `detail` is NULL. */
typedef struct refusal_t {
    int status;
    amlaps_code_t code;
    const char *detail;
} refusal_t;

static refusal_t refusal_of(int status)
{
    static const refusal_t known[] = {
        {HTTP_UNAUTHORIZED, AMLAPS_NOT_AUTHENTICATED, NULL},
        {HTTP_FORBIDDEN, AMLAPS_NOT_AUTHORIZED, "The web server's configuration does not let you in here."},
        {HTTP_NOT_FOUND, AMLAPS_NOT_FOUND, "There is nothing at this address."},
        {HTTP_METHOD_NOT_ALLOWED, AMLAPS_METHOD_NOT_ALLOWED, "The web server does not take this method here."},
        {HTTP_REQUEST_TIME_OUT, AMLAPS_BAD_REQUEST, "The request did not come to its end in time."},
        {HTTP_REQUEST_ENTITY_TOO_LARGE, AMLAPS_BAD_REQUEST, "The request is longer than the web server takes."},
        {HTTP_REQUEST_URI_TOO_LARGE, AMLAPS_BAD_REQUEST, "The address is longer than the web server takes."},
        {HTTP_EXPECTATION_FAILED, AMLAPS_BAD_REQUEST, "Of the header Expect the web server knows 100-continue alone."},
        {HTTP_TOO_MANY_REQUESTS, AMLAPS_RATE_LIMITED, NULL},
        {HTTP_SERVICE_UNAVAILABLE, AMLAPS_BUSY, NULL},
    };
    size_t i;

    for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (known[i].status == status) {
            return known[i];
        }
    }
    return status < 500 ? (refusal_t){status, AMLAPS_BAD_REQUEST, "The web server refused the request."}
                        : (refusal_t){status, AMLAPS_BUSY, "The web server failed. Try again; if it stays, tell your administrator the id."};
}

static apr_status_t replace(ap_filter_t *filter, apr_bucket_brigade *brigade)
{
    request_rec *r = filter->r;
    apr_pool_t *pool = r->pool;
    apr_bucket *bucket, *next;
    refusal_t refusal = refusal_of(r->status);
    char id[AMLAPS_GUID_LENGTH + 1] = "";
    const char *text;
    apr_size_t length;
    static const char *const of_content[] = { "Content-Encoding", "Content-Language", "ETag", "Last-Modified", "Accept-Ranges" };
    int ends = 0, status;
    amlaps_json_t *problem;
    size_t i;

    for (bucket = APR_BRIGADE_FIRST(brigade); bucket != APR_BRIGADE_SENTINEL(brigade); bucket = next) {
        next = APR_BUCKET_NEXT(bucket);
        ends |= APR_BUCKET_IS_EOS(bucket);
        if (!APR_BUCKET_IS_METADATA(bucket)) {
            apr_bucket_delete(bucket);
        }
    }
    if (!ends) {
        apr_brigade_cleanup(brigade);
        return APR_SUCCESS;
    }
    amlaps_text_new_guid(id);
    problem = amlaps_respond_problem_json(&status, refusal.code, NULL, id, pool);
    if (refusal.detail) {
        amlaps_json_set_text(problem, "detail", refusal.detail);
    }
    amlaps_json_set_integer(problem, "status", r->status);
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, "AML0126: httpd or another module refused %s with %d before the API saw it [id %s]", r->method,
                  r->status, id);
    text = amlaps_json_canonical(problem, pool);
    length = strlen(text);
    ap_set_content_type(r, "application/problem+json; charset=utf-8");
    for (i = 0; i < sizeof(of_content) / sizeof(of_content[0]); i++) {
        apr_table_unset(r->headers_out, of_content[i]);
    }
    ap_set_content_length(r, (apr_off_t)length);
    APR_BRIGADE_INSERT_HEAD(brigade, apr_bucket_pool_create(text, length, pool, r->connection->bucket_alloc));
    ap_remove_output_filter(filter);
    return ap_pass_brigade(filter->next, brigade);
}

void amlaps_httpd_insert_error_filter(request_rec *r)
{
    find_path(r);
    if (r->status >= 400 && amlaps_mount_of(r)) {
        amlaps_headers_set(r, 0);
    }
    if (is_api_error(r)) {
        ap_add_output_filter(FILTER, NULL, r, r->connection);
    }
}

static int is_of_include(const ap_filter_t *filter)
{
    const char *name = filter->frec->name;

    return !ap_cstr_casecmp(name, "INCLUDES") || !ap_cstr_casecmp(name, "BYTYPE:INCLUDES");
}

/*
 * mod_include, set for all of a server, would do what a reason or the name of a device tells it to: run programs, and show files and the
 * environment with the person's access token. By AddOutputFilterByType its filter has another name.
 */
static void remove_includes(request_rec *r)
{
    ap_filter_t *filter, *next;

    for (filter = r->output_filters; filter; filter = next) {
        next = filter->next;
        if (filter->r == r && is_of_include(filter) && amlaps_mount_of(r)) {
            ap_remove_output_filter(filter);
        }
    }
}

/* In a FilterChain of mod_filter it has whatever name the configuration gives: so its Options are taken back too, as a section would do. */
static void forbid_includes(request_rec *r)
{
    ap_conf_vector_t *section;
    core_dir_config *core;

    if (ap_allow_options(r) & OPT_INCLUDES && amlaps_mount_of(r)) {
        section = ap_create_per_dir_config(r->pool);
        core = core_module.create_dir_config(r->pool, NULL);
        core->opts_remove = OPT_INCLUDES | OPT_INC_WITH_EXEC;
        ap_set_core_module_config(section, core);
        r->per_dir_config = ap_merge_per_dir_configs(r->pool, r->per_dir_config, section);
    }
}

/* A request that httpd could not read reaches no hook before its ErrorDocument is served, as a file like others. */
void amlaps_httpd_insert_filter(request_rec *r)
{
    remove_includes(r);
    forbid_includes(r);
    if (r->prev && is_api_error(r)) {
        amlaps_headers_set(r, 0);
        ap_add_output_filter(FILTER, NULL, r, r->connection);
    }
}

/*
 * Before authentication: a client of the API wants a problem, not the sign-in page of the provider and not an ErrorDocument. For a request that
 * says it comes from a script mod_auth_openidc answers 401; a response of our own keeps httpd from redirecting to an ErrorDocument. Called twice:
 * httpd refuses some paths before it has decoded them, and only then is every path of the API known as one.
 */
int amlaps_httpd_prepare_api(request_rec *r)
{
    static const int statuses[] = {
        HTTP_BAD_REQUEST, HTTP_UNAUTHORIZED, HTTP_FORBIDDEN, HTTP_NOT_FOUND, HTTP_METHOD_NOT_ALLOWED, HTTP_REQUEST_TIME_OUT,
        HTTP_LENGTH_REQUIRED, HTTP_REQUEST_ENTITY_TOO_LARGE, HTTP_EXPECTATION_FAILED, HTTP_RANGE_NOT_SATISFIABLE, HTTP_TOO_MANY_REQUESTS,
        HTTP_INTERNAL_SERVER_ERROR, HTTP_NOT_IMPLEMENTED, HTTP_SERVICE_UNAVAILABLE,
    };
    static const char by_script[] = "XMLHttpRequest";
    size_t i;

    /* Not by what it says: the client may say the same. */
    if (!ap_is_initial_req(r) || !is_api(r) || apr_table_get(r->headers_in, "X-Requested-With") == by_script) {
        return DECLINED;
    }
    apr_table_setn(r->headers_in, "X-Requested-With", by_script);
    for (i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        ap_custom_response(r, statuses[i], "\"");
    }
    return DECLINED;
}

void amlaps_httpd_register_filters(void)
{
    ap_register_output_filter(FILTER, replace, NULL, AP_FTYPE_RESOURCE);
}
