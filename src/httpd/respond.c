/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "counts.h"
#include "request.h"

#include <apr_strings.h>
#include <http_log.h>

#include "amlaps/text.h"

APLOG_USE_MODULE(amlaps);

/* The one place where a code becomes an HTTP status, with its title and how loud its line in the log is. */
static const struct {
    int status;
    int level;
    const char *title;
    int shown;      /* the error's detail is for the person; else only for the log */
    const char *detail;
} answers[AMLAPS_CODES] = {
    [AMLAPS_OK] = { 200, APLOG_DEBUG, "OK", 0, "" },
    [AMLAPS_BAD_REQUEST] = { 400, APLOG_INFO, "The request is not understood", 1, "" },
    [AMLAPS_CROSS_SITE] = { 403, APLOG_INFO, "The request does not come from this page", 1, "" },
    [AMLAPS_NOT_FOUND] = { 404, APLOG_INFO, "Not found", 1, "" },
    [AMLAPS_METHOD_NOT_ALLOWED] = { 405, APLOG_INFO, "This method is not for this address", 1, "" },
    [AMLAPS_NOT_AUTHENTICATED] = { 401, APLOG_INFO, "Not signed in", 0, "Sign in again to continue." },
    [AMLAPS_NOT_AUTHORIZED] = { 403, APLOG_INFO, "Not authorized", 0, "You may not read the passwords of this device, or there is no such device." },
    [AMLAPS_REASON_REQUIRED] = { 422, APLOG_INFO, "A reason is required", 1, "" },
    [AMLAPS_REASON_INVALID] = { 422, APLOG_INFO, "The reason is not in the form asked for", 1, "" },
    [AMLAPS_RATE_LIMITED] = { 429, APLOG_INFO, "Limit reached", 0, "You have reached the limit of requests. Try again later." },
    [AMLAPS_NO_PASSWORD] = { 404, APLOG_INFO, "No password", 0,
                             "Entra ID holds no local administrator password for this device. Usual causes: no LAPS policy applies to it, it "
                             "backs up to Active Directory, or it has not checked in yet." },
    [AMLAPS_POLICY_UNDECIDABLE] = { 503, APLOG_WARNING, "Cannot be decided", 0,
                                    "A rule that could deny this could not be evaluated, so the password is not shown. Try again; if it stays, "
                                    "tell your administrator the id." },
    [AMLAPS_TENANT_CREDENTIAL_INVALID] = { 502, APLOG_ERR, "Entra ID refuses this server's credential", 1, "" },
    [AMLAPS_TENANT_PERMISSION_MISSING] = { 502, APLOG_ERR, "This server lacks a permission in Entra ID", 1, "" },
    [AMLAPS_TENANT_THROTTLED] = { 503, APLOG_INFO, "Microsoft asks to wait", 1, "" },
    [AMLAPS_TENANT_UNREACHABLE] = { 504, APLOG_ERR, "Microsoft does not answer", 1, "" },
    [AMLAPS_TENANT_ERROR] = { 502, APLOG_ERR, "Microsoft's answer is not usable", 1, "" },
    [AMLAPS_AUDIT_UNAVAILABLE] = { 503, APLOG_ERR, "The access cannot be recorded", 0,
                                   "The access could not be recorded, so nothing was shown. Tell your administrator the id." },
    /* Where the receiver is, and what it said, is for the log and for operators. */
    [AMLAPS_NOTIFICATION_FAILED] = { 503, APLOG_ERR, "A notification could not be delivered", 0,
                                     "A channel that must be told first did not confirm that it was, so nothing was shown. Try again; if it stays, "
                                     "tell your administrator the id." },
    [AMLAPS_BUSY] = { 503, APLOG_INFO, "Busy", 0, "Too many people ask at once. Try again in a few seconds." },
};

amlaps_json_t *amlaps_respond_problem_json(int *status, amlaps_code_t code, const char *detail, const char *id, apr_pool_t *pool)
{
    amlaps_json_t *problem = amlaps_json_make_object(pool);
    const char *word = amlaps_code_word(code);

    *status = answers[code].status;
    amlaps_json_set_text(problem, "type", apr_pstrcat(pool, "urn:amlaps:problem:", word, NULL));
    amlaps_json_set_integer(problem, "status", *status);
    amlaps_json_set_text(problem, "title", answers[code].title);
    amlaps_json_set_text(problem, "detail", detail && answers[code].shown ? detail : answers[code].detail);
    amlaps_json_set_text(problem, "code", word);
    amlaps_json_set_text(problem, "id", id);
    return problem;
}

static int write_out(request_rec *r, apr_bucket *content, apr_size_t length, const char *type)
{
    apr_bucket_brigade *brigade = apr_brigade_create(r->pool, r->connection->bucket_alloc);

    ap_set_content_type(r, type);
    ap_set_content_length(r, (apr_off_t)length);
    APR_BRIGADE_INSERT_TAIL(brigade, content);
    APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_eos_create(brigade->bucket_alloc));
    ap_pass_brigade(r->output_filters, brigade);
    return OK;
}

static int write_json(request_rec *r, int status, const amlaps_json_t *json, const char *type)
{
    const char *text = amlaps_json_canonical(json, r->pool);
    apr_size_t length = strlen(text);

    r->status = status;
    return write_out(r, apr_bucket_pool_create(text, length, r->pool, r->connection->bucket_alloc), length, type);
}

int amlaps_respond_json(request_rec *r, int status, const amlaps_json_t *json)
{
    return write_json(r, status, json, "application/json; charset=utf-8");
}

int amlaps_respond_page(request_rec *r, const char *html)
{
    apr_size_t length = strlen(html);

    return write_out(r, apr_bucket_pool_create(html, length, r->pool, r->connection->bucket_alloc), length, "text/html; charset=utf-8");
}

int amlaps_respond_secret(request_rec *r, const amlaps_secret_t *text)
{
    /* Compressed together with text that others choose, a password's length would show (BREACH); and no filter may keep a copy. */
    apr_table_setn(r->subprocess_env, "no-gzip", "1");
    apr_table_setn(r->subprocess_env, "no-brotli", "1");
    return write_out(r, apr_bucket_immortal_create(text->bytes, text->length, r->connection->bucket_alloc), text->length,
                     "application/json; charset=utf-8");
}

static void log_problem(const amlaps_request_t *request, const amlaps_error_t *error)
{
    const char *who = request->person ? request->person->username ? request->person->username : request->person->oid : NULL;

    ap_log_rerror(APLOG_MARK, answers[error->code].level, amlaps_error_cause(error->status), request->r,
                  "%s: %s %s: %s: %s [id %s%s%s]", error->id, request->r->method, ap_escape_logitem(request->r->pool, request->path),
                  amlaps_code_word(error->code), ap_escape_logitem(request->r->pool, error->detail), request->id, who ? ", user " : "",
                  who ? ap_escape_logitem(request->r->pool, who) : "");
}

amlaps_json_t *amlaps_respond_problem_told(int *status, const amlaps_request_t *request, const amlaps_error_t *error)
{
    amlaps_json_t *problem = amlaps_respond_problem_json(status, error->code, error->detail, request->id, request->r->pool);

    log_problem(request, error);
    if (request->tally) {
        request->tally->code = error->code;
    }
    if (error->told) {
        amlaps_json_set_text(problem, "detail", error->told);
    }
    return problem;
}

int amlaps_respond_problem(const amlaps_request_t *request, const amlaps_error_t *error)
{
    request_rec *r = request->r;
    amlaps_json_t *problem;
    int status;

    /* An input filter found the request broken and has answered it; httpd only wants to hear so. */
    if (error->status == AP_FILTER_ERROR) {
        return AP_FILTER_ERROR;
    }
    problem = amlaps_respond_problem_told(&status, request, error);
    if (error->retry_after > 0) {
        /* Rounded up: a client that waits as long as told must not come too early. */
        apr_int64_t seconds = (error->retry_after + APR_USEC_PER_SEC - 1) / APR_USEC_PER_SEC;

        apr_table_setn(r->err_headers_out, "Retry-After", apr_psprintf(r->pool, "%" APR_INT64_T_FMT, seconds));
    } else if (error->code == AMLAPS_BUSY) {
        apr_table_setn(r->err_headers_out, "Retry-After", "2");
    }
    return write_json(r, status, problem, "application/problem+json; charset=utf-8");
}
