/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Decides cases from standard input, one JSON object per line, and prints one JSON object per case:
 *   {"rules":[{"description","tenant","devices":[{"kind","values"}],"allow":[{"permissions","kind","name","values"}],"deny":[…],
 *     "expires"}],"person":{…},"device":{…},"time"}
 *   {"history":{"decision":"allow|deny|undecidable","rule":"…"|null},"password":{…}}, or {"error":"…"}
 * `person` and `device` are as in the API's explain; a member that is left out is known to be empty (or false), and
 * "unknown":["groups"] (of a device also "owner" and the others) marks what could not be looked up. `values` and `permissions` are
 * arrays of texts or one text; without "time" it is now. Empty lines count for nothing. Lines
 * that have come are answered at once, in their order, by as many threads as there are processors. What names nobody or nothing – a rule
 * without devices or people, an empty array as values – is refused in a configuration, but matches nothing here: cases are made at random.
 */

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_allocator.h>
#include <apr_general.h>
#include <apr_strings.h>

#include "case.h"

#define MOST_WORKERS 8
#define FEW_LINES 8 /* are not worth a thread */

typedef struct batch_t {
    char **lines;
    char **answers; /* of the workers' pools; NULL without memory */
    apr_size_t count, room;
    atomic_size_t next;
} batch_t;

typedef struct worker_t {
    apr_pool_t *pool; /* with an allocator of its own, so that workers do not wait for each other */
    batch_t *batch;
} worker_t;

static void *work(void *baton)
{
    worker_t *worker = baton;
    batch_t *batch = worker->batch;
    apr_pool_t *one;
    apr_size_t i;

    if (apr_pool_create(&one, worker->pool) != APR_SUCCESS) {
        return NULL;
    }
    while ((i = atomic_fetch_add(&batch->next, 1)) < batch->count) {
        batch->answers[i] = apr_pstrdup(worker->pool, amlaps_json_canonical(decide_case(batch->lines[i], strlen(batch->lines[i]), one), one));
        apr_pool_clear(one);
    }
    return NULL;
}

/* Answers in the order of the lines, whoever decides them. */
static void answer(batch_t *batch, worker_t *workers, int count)
{
    pthread_t threads[MOST_WORKERS];
    int i, started = 0;
    apr_size_t line;

    atomic_store(&batch->next, 0);
    if (batch->count > 0) {
        memset(batch->answers, 0, batch->count * sizeof(*batch->answers));
    }
    for (i = 1; i < count && batch->count > FEW_LINES; i++) {
        started += pthread_create(&threads[started], NULL, work, &workers[i]) == 0;
    }
    work(&workers[0]);
    for (i = 0; i < started; i++) {
        pthread_join(threads[i], NULL);
    }
    for (line = 0; line < batch->count; line++) {
        puts(batch->answers[line] ? batch->answers[line] : "{\"error\":\"no memory\"}");
    }
    for (i = 0; i < count; i++) {
        apr_pool_clear(workers[i].pool);
    }
    fflush(stdout);
    batch->count = 0;
}

static void add_line(batch_t *batch, char *line)
{
    if (batch->count == batch->room) {
        batch->room = batch->room ? 2 * batch->room : 1024;
        batch->lines = realloc(batch->lines, batch->room * sizeof(*batch->lines));
        batch->answers = realloc(batch->answers, batch->room * sizeof(*batch->answers));
        if (!batch->lines || !batch->answers) {
            abort();
        }
    }
    batch->lines[batch->count++] = line;
}

/* Takes the whole lines out of the text, and at the end of the input what is left. @return the bytes of the last one, which goes on */
static apr_size_t cut_lines(batch_t *batch, char *text, apr_size_t length, int at_end)
{
    char *line = text, *end;

    text[length] = '\0';
    while ((end = memchr(line, '\n', length - (apr_size_t)(line - text))) || (at_end && line < text + length)) {
        end = end ? end : text + length;
        *end = '\0';
        if (end > line) {
            add_line(batch, line);
        }
        line = end < text + length ? end + 1 : end;
    }
    return length - (apr_size_t)(line - text);
}

/* What has come so far is answered before more is waited for. */
static int answer_all(worker_t *workers, int count, batch_t *batch)
{
    apr_size_t room = 1 << 20, length = 0, rest;
    char *text = malloc(room + 1);
    ssize_t got;

    while (text && ((got = read(0, text + length, room - length)) > 0 || (got < 0 && errno == EINTR))) {
        length += got > 0 ? (apr_size_t)got : 0;
        rest = cut_lines(batch, text, length, 0);
        answer(batch, workers, count);
        memmove(text, text + length - rest, rest);
        length = rest;
        if (length == room) {
            room *= 2;
            text = realloc(text, room + 1);
        }
    }
    if (text) {
        cut_lines(batch, text, length, 1);
        answer(batch, workers, count);
    }
    free(text);
    return text && got == 0 && !ferror(stdout);
}

int main(void)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    int count = processors < 1 ? 1 : processors > MOST_WORKERS ? MOST_WORKERS : (int)processors, done, i;
    worker_t workers[MOST_WORKERS];
    batch_t batch = {.count = 0};

    if (apr_initialize() != APR_SUCCESS) {
        fputs("decide: APR does not start\n", stderr);
        return 1;
    }
    for (i = 0; i < count; i++) {
        apr_allocator_t *allocator;

        if (apr_allocator_create(&allocator) != APR_SUCCESS
            || apr_pool_create_ex(&workers[i].pool, NULL, NULL, allocator) != APR_SUCCESS) {
            fputs("decide: no memory\n", stderr);
            return 1;
        }
        apr_allocator_owner_set(allocator, workers[i].pool);
        workers[i].batch = &batch;
    }
    done = answer_all(workers, count, &batch);
    free(batch.lines);
    free(batch.answers);
    apr_terminate();
    return done ? 0 : 1;
}
