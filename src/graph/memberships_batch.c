/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include "amlaps/text.h"
#include "memberships.h"
#include "problem.h"
#include "request.h"

#define ANSWER_MOST ((apr_size_t)16 << 20) /* twenty pages of 999 entries come to 2 MiB */
#define SINGLE_TIME apr_time_from_sec(600)

/* 400, 404 and 405 are how a Graph (or a proxy before it) says that it knows no $batch. */
static const int unknown[] = {400, 404, 405, 0};

typedef struct batch_t {
    const amlaps_memberships_t **memberships;
    amlaps_error_t *error;
    amlaps_graph_t *graph;
    amlaps_tenant_state_t *tenant;
    amlaps_call_t *call;
    const amlaps_graph_device_t *const *devices;
    apr_size_t count;
    apr_pool_t *pool;
} batch_t;

/* Each part is a request of its own to Graph, so it carries the headers that every request carries. */
static const char *make_json(const batch_t *batch)
{
    apr_pool_t *pool = batch->pool;
    amlaps_json_t *root = amlaps_json_make_object(pool), *requests = amlaps_json_make_array(pool);
    amlaps_json_t *headers = amlaps_json_make_object(pool);

    amlaps_json_set_text(headers, "Accept", "application/json");
    amlaps_json_set_text(headers, "User-Agent", AMLAPS_USER_AGENT);
    amlaps_json_set_text(headers, "ocp-client-name", "mod_amlaps");
    amlaps_json_set_text(headers, "ocp-client-version", AMLAPS_VERSION);
    amlaps_json_set_known(headers, "client-request-id", batch->call->client_request_id);
    for (apr_size_t i = 0; i < batch->count; i++) {
        amlaps_json_t *part = amlaps_json_make_object(pool);
        amlaps_json_set_text(part, "id", apr_psprintf(pool, "%" APR_SIZE_T_FMT, i));
        amlaps_json_set_text(part, "method", "GET");
        amlaps_json_set_text(part, "url", amlaps_memberships_path(batch->devices[i]->object_id, pool));
        amlaps_json_set(part, "headers", headers);
        amlaps_json_add(requests, part);
    }
    amlaps_json_set(root, "requests", requests);
    return amlaps_json_canonical(root, pool);
}

typedef struct find_t {
    const char *name, *text;
} find_t;

static int find_header(void *baton, const char *name, amlaps_json_t *value)
{
    find_t *find = baton;

    if (strcasecmp(name, find->name) == 0) {
        find->text = amlaps_json_text(value);
    }
    return find->text == NULL;
}

static apr_status_t refuse_part(const batch_t *batch, int status, const amlaps_json_t *part)
{
    find_t retry = {"Retry-After", NULL};
    apr_interval_time_t wait = 0;

    amlaps_json_each(amlaps_json_member(part, "headers"), find_header, &retry);
    if (status == 429 || status == 509) {
        wait = amlaps_request_block(batch->tenant, batch->graph, retry.text, NULL);
    }
    return amlaps_problem(batch->error, batch->tenant->config, status, amlaps_json_member(part, "body"),
                          AMLAPS_MEMBERSHIPS_WHAT, AMLAPS_MEMBERSHIPS_PERMISSION, wait, batch->pool);
}

static apr_status_t not_understood(const batch_t *batch)
{
    return amlaps_error_set(batch->error, AMLAPS_TENANT_ERROR, "AML0341", APR_EGENERAL,
                            "tenant %s: Graph's list of a device's groups is not understood", batch->tenant->config->name);
}

static void read_part(const batch_t *batch, apr_size_t which, const amlaps_json_t *part)
{
    const amlaps_json_t *body = amlaps_json_member(part, "body");
    amlaps_gathered_t gathered;
    amlaps_error_t failure = {0};
    apr_int64_t status = 0;
    const char *next;

    if (!amlaps_json_integer(amlaps_json_member(part, "status"), &status) || status < 100 || status > 599) {
        not_understood(batch);
        return;
    }
    if (status != 200) {
        refuse_part(batch, (int)status, part);
        return;
    }
    amlaps_memberships_begin(&gathered, batch->pool);
    if (!amlaps_memberships_add(&gathered, body, batch->pool)) {
        not_understood(batch);
        return;
    }
    apr_status_t done = amlaps_request_next(&next, &failure, batch->tenant->config, body, batch->pool);
    if (done == APR_SUCCESS) {
        done = amlaps_memberships_follow(&gathered, &failure, batch->graph, batch->tenant, batch->call, next, batch->pool);
    }
    if (done == APR_SUCCESS) {
        batch->memberships[which] =
            amlaps_memberships_end(&gathered, batch->graph, batch->tenant, batch->devices[which]->object_id, batch->pool);
    }
    else {
        amlaps_graph_pass(batch->error, &failure);
    }
}

/* @return 1 and the part's number, 0 where it is none of ours */
static int read_id(apr_size_t *which, const batch_t *batch, const amlaps_json_t *part)
{
    const char *id = amlaps_json_member_text(part, "id");

    if (!id || !*id || strlen(id) > 2 || strspn(id, "0123456789") != strlen(id)) {
        return 0;
    }
    *which = (apr_size_t)atoi(id);
    return *which < batch->count;
}

/* Parts come in any order; one that is missing or comes twice leaves its device unknown. */
static void read_parts(const batch_t *batch, const amlaps_json_t *json)
{
    const amlaps_json_t *parts = amlaps_json_member(json, "responses");
    const amlaps_json_t *found[AMLAPS_BATCH_MOST] = {NULL};
    int times[AMLAPS_BATCH_MOST] = {0};
    apr_size_t which;

    for (apr_size_t i = 0; i < amlaps_json_length(parts); i++) {
        const amlaps_json_t *part = amlaps_json_item(parts, i);
        if (!read_id(&which, batch, part)) {
            continue;
        }
        found[which] = part;
        times[which]++;
    }
    for (apr_size_t i = 0; i < batch->count; i++) {
        if (times[i] == 1) {
            read_part(batch, i, found[i]);
        }
        else {
            not_understood(batch);
        }
    }
}

static void remember_refusal(const batch_t *batch, int status)
{
    apr_thread_mutex_lock(batch->tenant->mutex);
    batch->tenant->single_until = amlaps_clock_steady(batch->graph->clock) + SINGLE_TIME;
    apr_thread_mutex_unlock(batch->tenant->mutex);
    amlaps_log(AMLAPS_LOG_INFO, "AML0342", APR_SUCCESS,
               "tenant %s: Graph refuses $batch (%d): devices are asked for one by one", batch->tenant->config->name, status);
}

apr_status_t amlaps_memberships_batch(const amlaps_memberships_t **memberships, int *refused, amlaps_error_t *error,
                                      amlaps_graph_t *graph, amlaps_tenant_state_t *tenant, amlaps_call_t *call,
                                      const amlaps_graph_device_t *const *devices, apr_size_t count, apr_pool_t *pool)
{
    const batch_t batch = {memberships, error, graph, tenant, call, devices, count, pool};
    const amlaps_ask_t ask = {.method = "POST",
                              .url = apr_pstrcat(pool, tenant->config->graph_url, "/v1.0/$batch", NULL),
                              .json = make_json(&batch),
                              .what = "the groups of several devices",
                              .permission = AMLAPS_MEMBERSHIPS_PERMISSION,
                              .expected = unknown,
                              .most = ANSWER_MOST};
    amlaps_reply_t reply;
    const apr_status_t status = amlaps_request(&reply, error, graph, tenant, call, &ask, pool);

    *refused = status == APR_SUCCESS && reply.status >= 400;
    if (*refused) {
        remember_refusal(&batch, reply.status);
    }
    else if (status == APR_SUCCESS) {
        read_parts(&batch, reply.json);
    }
    return *refused || error->code == AMLAPS_OK ? APR_SUCCESS : error->status;
}
