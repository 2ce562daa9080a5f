/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_HTTPD_REQUEST_H
#define AMLAPS_HTTPD_REQUEST_H

#include "httpd_glue.h"

#include "amlaps/json.h"
#include "when.h"

/* One request on its way from httpd to the rooms and back. Lives in r->pool. */
typedef struct amlaps_request_t {
    request_rec *r;
    const amlaps_config_t *config;
    const amlaps_access_t *access; /* NULL: this child could not open its rooms */
    const char *id;                /* GUID: audit id, the problem's id, client-request-id */
    amlaps_circumstances_t circumstances; /* what the rules' conditions read of the request */
    const char *path;              /* below the mount, without leading '/' */
    const amlaps_person_t *person; /* set for API requests; other requests of the session may share it */
    const char *segments[6];       /* of an API path, decoded, behind "api/v1" */
    int segment_count;
    struct amlaps_tally_t *tally;  /* how it is counted; NULL: it is not */
} amlaps_request_t;

/* ---- identity.c ---- */

/**
 * The person, from the claims that mod_auth_openidc put into the environment of this initial request; never from a header.
 * @return APR_SUCCESS, or AMLAPS_NOT_AUTHENTICATED with why for the log
 */
apr_status_t amlaps_identity_read(const amlaps_person_t **person, amlaps_error_t *error, request_rec *r);

/** Is the person's ID token for this app? @param app NULL: any is right. @return APR_SUCCESS or AMLAPS_NOT_AUTHENTICATED */
apr_status_t amlaps_sign_in_app_check(amlaps_error_t *error, const char *app, const amlaps_person_t *person);

/* ---- guard.c, body.c ---- */

/**
 * Refuses what another site makes a browser send: reading too leaves records and uses up limits. A POST must prove that it comes from the page.
 * @return APR_SUCCESS or AMLAPS_CROSS_SITE
 */
apr_status_t amlaps_guard_check(amlaps_error_t *error, request_rec *r);

#define AMLAPS_BODY_MOST (16 * 1024)

/** Reads the whole body as one JSON document of at most AMLAPS_BODY_MOST bytes. What the request's conditions are is what they are then. @return
 *  APR_SUCCESS or AMLAPS_BAD_REQUEST */
apr_status_t amlaps_body_read(amlaps_json_t **body, amlaps_error_t *error, amlaps_request_t *request);

/** @return APR_SUCCESS where `object` is one and all its members are in `known` (NULL-terminated), else AMLAPS_BAD_REQUEST */
apr_status_t amlaps_body_check(amlaps_error_t *error, const amlaps_json_t *object, const char *const *known);

/** A member that is a text or absent (then NULL); AMLAPS_BAD_REQUEST for any other. */
apr_status_t amlaps_body_text(const char **text, amlaps_error_t *error, const amlaps_json_t *object, const char *member);

/** Sets AMLAPS_BAD_REQUEST for a member of another kind, or for one that is needed and not there. @param wanted "a GUID", "an object such as {…}" */
apr_status_t amlaps_body_wrong(amlaps_error_t *error, const char *member, const char *wanted);
apr_status_t amlaps_body_missing(amlaps_error_t *error, const char *member, const char *wanted);

/* ---- query.c ---- */

typedef struct amlaps_parameter_t {
    const char *name;
    const char **value;            /* set to the decoded value, or to NULL where there is none or it is empty */
    int keeps_empty;               /* 1: an empty value is one */
} amlaps_parameter_t;

/** Reads the query. Each parameter once, nothing unknown: a repeated one could mean two things. @param known ends with a NULL name */
apr_status_t amlaps_query_read(const amlaps_parameter_t *known, amlaps_error_t *error, const amlaps_request_t *request);

/* ---- respond.c, headers.c ---- */

/** Security headers of the page and the API, also on answers that httpd makes itself for this request. */
void amlaps_headers_set(request_rec *r, int store);

/** Writes JSON; returns what the handler returns. */
int amlaps_respond_json(request_rec *r, int status, const amlaps_json_t *json);

/** Writes the page, which must live as long as r->pool. */
int amlaps_respond_page(request_rec *r, const char *html);

/** Writes text that holds passwords from wiped memory, which must live as long as r->pool. */
int amlaps_respond_secret(request_rec *r, const amlaps_secret_t *text);

/** Writes a problem (RFC 9457) and one line for the admin's log, joined by the request's id. */
int amlaps_respond_problem(const amlaps_request_t *request, const amlaps_error_t *error);

/** The problem's JSON, with its line for the admin's log written; for a problem inside another answer. */
amlaps_json_t *amlaps_respond_problem_told(int *status, const amlaps_request_t *request, const amlaps_error_t *error);

/** The problem's JSON, for answers that are not the handler's own. */
amlaps_json_t *amlaps_respond_problem_json(int *status, amlaps_code_t code, const char *detail, const char *id, apr_pool_t *pool);

/* ---- page.c, page_start.c ---- */

/** Serves a file of the page, or the page itself. */
int amlaps_page_serve(amlaps_request_t *request);

/**
 * Serves index.html with what its first view needs inside it, so that this takes no further request: the session, or
 * the problem that stands in its way, and the texts in the person's language.
 * @param folder where the page's files lie
 */
int amlaps_page_start(amlaps_request_t *request, apr_file_t *file, apr_size_t size, const char *folder);

/* ---- api.c, api_*.c ---- */

/** What must hold for every endpoint: a person, whom it sets, and open rooms. @return APR_SUCCESS, NOT_AUTHENTICATED or AUDIT_UNAVAILABLE */
apr_status_t amlaps_api_admit(amlaps_error_t *error, amlaps_request_t *request);

/** The session of an admitted request. */
amlaps_json_t *amlaps_api_session_json(amlaps_request_t *request);

int amlaps_api_session(amlaps_request_t *request);
int amlaps_api_search(amlaps_request_t *request);
int amlaps_api_device(amlaps_request_t *request);
int amlaps_api_password(amlaps_request_t *request);
int amlaps_api_history(amlaps_request_t *request);
int amlaps_api_explain(amlaps_request_t *request);
int amlaps_api_audit(amlaps_request_t *request);
int amlaps_api_audit_verify(amlaps_request_t *request);
int amlaps_api_audit_export(amlaps_request_t *request);
int amlaps_api_status(amlaps_request_t *request);

/** SetHandler amlaps-health and amlaps-metrics, of which machines read how this server does. The method is GET or HEAD. */
int amlaps_health_serve(request_rec *r);
int amlaps_metrics_serve(request_rec *r);

/** A device's facts as the API names them. */
amlaps_json_t *amlaps_api_device_json(const amlaps_graph_device_t *device, apr_pool_t *pool);

/** The same, written as a member of an answer that holds secrets. */
void amlaps_api_put_device(amlaps_json_out_t *out, const char *name, const amlaps_graph_device_t *device, apr_pool_t *pool);

/** A member that is null where it is not known. @param value 1, 0, -1 unknown @param time 0 unknown */
void amlaps_api_set_known(amlaps_json_t *object, const char *name, int value);
void amlaps_api_set_time(amlaps_json_t *object, const char *name, apr_time_t time, apr_pool_t *pool);

/** The configured tenant of that name; AMLAPS_NOT_FOUND where there is none. */
apr_status_t amlaps_api_tenant(const char **tenant, amlaps_error_t *error, const amlaps_request_t *request, const char *name);

/** Tenant and deviceId of "devices/{tenant}/{deviceId}[/...]"; AMLAPS_BAD_REQUEST for a deviceId that is none. */
apr_status_t amlaps_api_path(const char **tenant, const char **device_id, amlaps_error_t *error, const amlaps_request_t *request);

/** Who asks, as the rooms below want to know it. */
amlaps_asker_t amlaps_api_asker(amlaps_request_t *request);

#endif
