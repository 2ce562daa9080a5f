/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TEST_GRAPH_FAKE_H
#define AMLAPS_TEST_GRAPH_FAKE_H

/*
 * Microsoft behind a table of functions: a script of answers, a record of what was asked, and clocks that move only when a
 * test or an answer moves them. Closing it fails the test where an answer was not fetched, something unscripted was asked, or
 * a log line or error told a secret.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <apr_strings.h>
#include <apr_thread_mutex.h>

#include "amlaps/graph.h"

#define FAKE_LOGIN "https://login.test"
#define FAKE_GRAPH "https://graph.test"
#define FAKE_TENANT_ID "8aa4c1a8-0d5e-4f3b-9a0c-1f2f4b0a7c11"
#define FAKE_CLIENT_ID "535fb089-9ff3-47b6-9bfb-4f1264799865"
#define FAKE_SECRET "geheim~+/ &="
#define FAKE_CALL_ID "0c6a0f0e-0000-4000-8000-000000000001"
#define FAKE_OBJECT "000005c3-b7a6-4c61-89fc-80bf5ccfc366"
#define FAKE_DEVICE "6fa60d52-01e7-4b18-8055-4759461fc16b"
#define FAKE_DEVICE_JSON "{\"id\":\"" FAKE_OBJECT "\",\"deviceId\":\"" FAKE_DEVICE "\",\"displayName\":\"DESKTOP-858MANH\"}"

typedef struct fake_step_t {
    const char *expect; /* "GET https://…", to the letter; NULL: anything */
    int status;         /* 0: `fail` instead of an answer */
    const char *body;
    const char *retry_after, *date;
    amlaps_code_t fail;
    apr_status_t fail_status;
    apr_interval_time_t takes; /* both clocks move by this */
} fake_step_t;

typedef struct fake_seen_t {
    const char *line;    /* "GET https://…" */
    const char *headers; /* each followed by a line feed */
    const char *bearer, *body, *content_type, *ca_file;
    apr_interval_time_t timeout;
    apr_size_t most;
} fake_seen_t;

#define FAKE_MOST 4096

typedef struct fake_t {
    apr_pool_t *pool; /* for what a call gives back */
    amlaps_graph_t *graph;
    amlaps_graph_config_t config;
    amlaps_tenant_t tenant;
    amlaps_call_t call;
    amlaps_error_t error;
    apr_time_t steady, wall;
    apr_interval_time_t paused; /* sum of all pauses */
    fake_step_t steps[FAKE_MOST], logins[FAKE_MOST];
    int step_count, step_next, login_count, login_next;
    fake_seen_t seen[FAKE_MOST]; /* requests to Graph */
    int seen_count;
    fake_seen_t login_seen; /* the last to the login */
    int login_asked;
    void (*on_login)(struct fake_t *fake); /* runs in the asking thread before the login answers, without the mutex */
    void *baton;
    int unexpected;
    char log[65536];
    apr_size_t log_length;
    apr_pool_t *own;
    apr_thread_mutex_t *mutex;
    amlaps_clock_t clock;
    amlaps_transport_t transport;
    const amlaps_tenant_t *tenants[1];
} fake_t;

int fake_open(void **state);
int fake_close(void **state);

/** Opens the client again, with what the test changed in `config` and `tenant`. */
void fake_reopen(fake_t *fake);

/** Adds an answer of Graph, or of the login. Without any, the login gives "TOKEN-1", "TOKEN-2", … for 3599 s. */
void fake_answers(fake_t *fake, fake_step_t step);
void fake_login_answers(fake_t *fake, fake_step_t step);

/** A new interaction: clears call and error. */
void fake_begin(fake_t *fake);

void fake_advance(fake_t *fake, apr_interval_time_t time);

/** Asks for FAKE_DEVICE's credentials: the shortest way to one request of Graph. */
apr_status_t fake_ask(fake_t *fake);

#define fake_test(name) cmocka_unit_test_setup_teardown(name, fake_open, fake_close)

#endif
