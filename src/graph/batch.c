/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "batch.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include "problem.h"
#include "request.h"
#include "token.h"

#define ANSWER_MOST ((apr_size_t)16 << 20) /* twenty pages of 999 entries come to 2 MiB */
#define PART_MOST ((apr_size_t)2 << 20)    /* 11,000 ids, the most that Graph gives at once, come to 430 KiB */
#define SINGLE_TIME apr_time_from_sec(600)

/* These are how a Graph (or a proxy before it) says that it knows no $batch. */
static const int unknown[] = {400, 404, 405, 501, 0};
static const int absent[] = {404, 0};

typedef struct batch_t {
    amlaps_part_t *parts;
    apr_size_t count;
    int uniform; /* all need the same permission */
    amlaps_graph_t *graph;
    amlaps_tenant_state_t *tenant;
    amlaps_call_t *call;
    apr_pool_t *pool;
} batch_t;

/* Each part is a request of its own to Graph, so it carries the headers that every request carries. */
static amlaps_json_t *make_headers(const batch_t *batch, int with_body)
{
    amlaps_json_t *headers = amlaps_json_make_object(batch->pool);

    amlaps_json_set_text(headers, "Accept", "application/json");
    amlaps_json_set_text(headers, "User-Agent", AMLAPS_USER_AGENT);
    amlaps_json_set_text(headers, "ocp-client-name", "mod_amlaps");
    amlaps_json_set_text(headers, "ocp-client-version", AMLAPS_VERSION);
    amlaps_json_set_known(headers, "client-request-id", batch->call->client_request_id);
    if (with_body) {
        amlaps_json_set_text(headers, "Content-Type", "application/json");
    }
    return headers;
}

static const char *make_json(const batch_t *batch)
{
    apr_pool_t *pool = batch->pool;
    amlaps_json_t *root = amlaps_json_make_object(pool), *requests = amlaps_json_make_array(pool);

    for (apr_size_t i = 0; i < batch->count; i++) {
        const amlaps_part_t *part = &batch->parts[i];
        amlaps_json_t *request = amlaps_json_make_object(pool);
        amlaps_json_set_text(request, "id", apr_psprintf(pool, "%" APR_SIZE_T_FMT, i));
        amlaps_json_set_text(request, "method", part->method);
        amlaps_json_set_text(request, "url", part->path);
        amlaps_json_set(request, "headers", make_headers(batch, part->body != NULL));
        if (part->body) {
            amlaps_json_set(request, "body", part->body);
        }
        amlaps_json_add(requests, request);
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

static void refuse_part(const batch_t *batch, amlaps_part_t *part, int status, const amlaps_json_t *answer)
{
    find_t retry = {"Retry-After", NULL};
    apr_interval_time_t wait = 0;

    part->refusal = status;
    amlaps_json_each(amlaps_json_member(answer, "headers"), find_header, &retry);
    if (status == 403) {
        amlaps_token_lacking(batch->tenant, 0, batch->graph);
    }
    if (status == 429 || status == 509) {
        wait = amlaps_request_block(batch->tenant, batch->graph, retry.text, NULL);
    }
    else if (status >= 500) {
        amlaps_retry_after(&wait, retry.text, NULL, amlaps_clock_wall(batch->graph->clock));
    }
    const amlaps_refusal_t refusal = {.status = status,
                                      .json = amlaps_json_member(answer, "body"),
                                      .wait = wait,
                                      .what = part->what,
                                      .permission = part->permission};
    amlaps_problem(&part->error, batch->graph, batch->tenant, &refusal, batch->pool);
}

static void not_understood(const batch_t *batch, amlaps_part_t *part)
{
    amlaps_error_set(&part->error, AMLAPS_TENANT_ERROR, "AML0344", APR_EGENERAL,
                     "tenant %s: Graph's answer for %s within a $batch is not understood: check AMLapsGraphURL and a proxy that changes "
                     "answers",
                     batch->tenant->config->name, part->what);
}

static void read_part(const batch_t *batch, amlaps_part_t *part, const amlaps_json_t *answer)
{
    apr_int64_t status = 0;

    if (!amlaps_json_integer(amlaps_json_member(answer, "status"), &status) || status < 100 || status > 599) {
        not_understood(batch, part);
    }
    else if (status == 200 || (status == 404 && part->may_be_absent)) {
        part->status = (int)status;
        part->json = amlaps_json_member(answer, "body");
    }
    else {
        refuse_part(batch, part, (int)status, answer);
    }
}

/* @return 1 and the part's number, 0 where it is none of ours */
static int read_id(apr_size_t *which, const batch_t *batch, const amlaps_json_t *answer)
{
    const char *id = amlaps_json_member_text(answer, "id");

    if (!id || !*id || strlen(id) > 2 || strspn(id, "0123456789") != strlen(id)) {
        return 0;
    }
    *which = (apr_size_t)atoi(id);
    return *which < batch->count;
}

/* Answers come in any order; one that is missing or comes twice leaves its part unknown. */
static void read_parts(const batch_t *batch, const amlaps_json_t *json)
{
    const amlaps_json_t *answers = amlaps_json_member(json, "responses");
    const amlaps_json_t *found[AMLAPS_BATCH_MOST] = {NULL};
    int times[AMLAPS_BATCH_MOST] = {0};
    apr_size_t which;

    for (apr_size_t i = 0; i < amlaps_json_length(answers); i++) {
        const amlaps_json_t *answer = amlaps_json_item(answers, i);
        if (!read_id(&which, batch, answer)) {
            continue;
        }
        found[which] = answer;
        times[which]++;
    }
    for (apr_size_t i = 0; i < batch->count; i++) {
        if (times[i] == 1) {
            read_part(batch, &batch->parts[i], found[i]);
        }
        else {
            not_understood(batch, &batch->parts[i]);
        }
    }
}

static void remember_refusal(const batch_t *batch, int status)
{
    apr_thread_mutex_lock(batch->tenant->mutex);
    batch->tenant->single_until = amlaps_clock_steady(batch->graph->clock) + SINGLE_TIME;
    apr_thread_mutex_unlock(batch->tenant->mutex);
    amlaps_log(AMLAPS_LOG_INFO, "AML0342", APR_SUCCESS,
               "tenant %s: Graph refuses $batch (%d): look-ups are made one by one", batch->tenant->config->name, status);
}

static void fail_all(const batch_t *batch, const amlaps_error_t *failure)
{
    for (apr_size_t i = 0; i < batch->count; i++) {
        if (batch->parts[i].status == 0) {
            amlaps_graph_pass(&batch->parts[i].error, failure);
        }
    }
}

/* @return 0 where this Graph has no $batch: then nothing was found out */
static int ask_together(const batch_t *batch)
{
    const amlaps_ask_t ask = {.method = "POST",
                              .url = apr_pstrcat(batch->pool, batch->tenant->config->graph_url, "/v1.0/$batch", NULL),
                              .json = make_json(batch),
                              .what = batch->parts[0].what,
                              .permission = batch->parts[0].permission,
                              .expected = unknown,
                              .bare = 1,
                              .most = ANSWER_MOST};
    amlaps_error_t failure = {0};
    amlaps_reply_t reply;

    if (amlaps_request(&reply, &failure, batch->graph, batch->tenant, batch->call, &ask, batch->pool) != APR_SUCCESS) {
        fail_all(batch, &failure);
        return 1;
    }
    if (reply.status >= 400) {
        remember_refusal(batch, reply.status);
        return 0;
    }
    read_parts(batch, reply.json);
    return 1;
}

static void ask_one(const batch_t *batch, amlaps_part_t *part)
{
    const amlaps_ask_t ask = {.method = part->method,
                              .url = apr_pstrcat(batch->pool, batch->tenant->config->graph_url, "/v1.0", part->path, NULL),
                              .json = part->body ? amlaps_json_canonical(part->body, batch->pool) : NULL,
                              .what = part->what,
                              .permission = part->permission,
                              .expected = part->may_be_absent ? absent : NULL,
                              .most = PART_MOST};
    amlaps_reply_t reply;

    if (amlaps_request(&reply, &part->error, batch->graph, batch->tenant, batch->call, &ask, batch->pool) == APR_SUCCESS) {
        part->status = reply.status;
        part->json = reply.json;
    }
    else {
        part->refusal = batch->call->status;
    }
}

/* After an error that concerns all of them alike, the others are not asked: they would fare no better, and the deadline is
 * one. */
static const amlaps_error_t *failure_of_all(const batch_t *batch)
{
    for (apr_size_t i = 0; i < batch->count; i++) {
        const amlaps_code_t code = batch->parts[i].error.code;
        if (code != AMLAPS_OK && code != AMLAPS_TENANT_ERROR && (batch->uniform || code != AMLAPS_TENANT_PERMISSION_MISSING)) {
            return &batch->parts[i].error;
        }
    }
    return NULL;
}

static void ask_singly(const batch_t *batch)
{
    for (apr_size_t i = 0; i < batch->count; i++) {
        const batch_t one = {&batch->parts[i], 1, batch->uniform, batch->graph, batch->tenant, batch->call, batch->pool};
        ask_one(&one, one.parts);
        const amlaps_error_t *failure = failure_of_all(&one);
        if (failure) {
            fail_all(batch, failure);
            return;
        }
    }
}

static amlaps_part_t unasked(const amlaps_part_t *part)
{
    return (amlaps_part_t){.method = part->method,
                           .path = part->path,
                           .body = part->body,
                           .what = part->what,
                           .permission = part->permission,
                           .may_be_absent = part->may_be_absent};
}

/* What a request of its own would be repeated for, a part is too: once, together with the others that failed so. The token was good for the
 * whole, so a 401 of a part passes as well. Where it was in vain, the call goes on without: a search has many batches, and what fails in all of
 * them would take all of its time. */
static void ask_again(const batch_t *batch)
{
    amlaps_part_t again[AMLAPS_BATCH_MOST];
    apr_size_t places[AMLAPS_BATCH_MOST], count = 0;
    apr_interval_time_t longest = 0;

    for (apr_size_t i = 0; i < batch->count; i++) {
        const amlaps_part_t *part = &batch->parts[i];
        const int passes = part->refusal == 401 || amlaps_request_is_passing(part->refusal);
        const apr_interval_time_t wait = passes ? amlaps_request_wait(batch->graph, batch->call, part->error.retry_after) : 0;
        if (wait == 0) {
            continue;
        }
        amlaps_log(AMLAPS_LOG_INFO, "AML0327", APR_SUCCESS, "tenant %s: %s: asked again (status %d within a $batch)",
                   batch->tenant->config->name, part->what, part->refusal);
        longest = wait > longest ? wait : longest;
        places[count] = i;
        again[count++] = unasked(part);
    }
    if (count == 0) {
        return;
    }
    amlaps_graph_pause(batch->graph, longest);
    const batch_t second = {again, count, batch->uniform, batch->graph, batch->tenant, batch->call, batch->pool};
    if (!ask_together(&second)) {
        ask_singly(&second);
    }
    for (apr_size_t i = 0; i < count; i++) {
        batch->parts[places[i]] = again[i];
        if (again[i].error.code != AMLAPS_OK) {
            batch->call->failing = batch->tenant->config->name;
        }
    }
}

static int may_batch(const batch_t *batch)
{
    apr_thread_mutex_lock(batch->tenant->mutex);
    const int may = batch->tenant->single_until <= amlaps_clock_steady(batch->graph->clock);
    apr_thread_mutex_unlock(batch->tenant->mutex);
    return may;
}

static int is_uniform(const amlaps_part_t *parts, apr_size_t count)
{
    for (apr_size_t i = 1; i < count; i++) {
        if (strcmp(parts[i].permission, parts[0].permission) != 0) {
            return 0;
        }
    }
    return 1;
}

void amlaps_batch(amlaps_part_t *parts, apr_size_t count, amlaps_graph_t *graph, amlaps_tenant_state_t *tenant,
                  amlaps_call_t *call, apr_pool_t *pool)
{
    const int uniform = is_uniform(parts, count);

    for (apr_size_t done = 0; done < count; done += AMLAPS_BATCH_MOST) {
        const apr_size_t size = count - done < AMLAPS_BATCH_MOST ? count - done : AMLAPS_BATCH_MOST;
        const batch_t batch = {parts + done, size, uniform, graph, tenant, call, pool};
        if (size == 1 || !may_batch(&batch) || !ask_together(&batch)) {
            ask_singly(&batch);
        }
        else if (call->failing != tenant->config->name) {
            ask_again(&batch);
        }
        const amlaps_error_t *failure = failure_of_all(&batch);
        if (failure) {
            const batch_t rest = {parts + done + size, count - done - size, uniform, graph, tenant, call, pool};
            fail_all(&rest, failure);
            return;
        }
    }
}
