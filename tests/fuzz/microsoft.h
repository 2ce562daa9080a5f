/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_FUZZ_MICROSOFT_H
#define AMLAPS_FUZZ_MICROSOFT_H

/*
 * A client of Graph whose transport answers with pieces of the input. A piece is "STATUS", lines "Name: value" for Retry-After, Date,
 * WWW-Authenticate and request-id, an empty line, the body. Where the pieces end, the last one is given for ever. The login gives a token as long as
 * `login` is not set.
 */

#include "amlaps/graph.h"
#include "fuzz.h"

#define FUZZ_GRAPH "https://graph.test"
#define FUZZ_LOGIN "https://login.test"
#define FUZZ_OBJECT "000005c3-b7a6-4c61-89fc-80bf5ccfc366"
#define FUZZ_DEVICE "6fa60d52-01e7-4b18-8055-4759461fc16b"
#define FUZZ_PERSON "3f1a0c55-7a9e-4b0e-8a57-51f2c1a4c0de"

typedef struct fuzz_microsoft_t {
    amlaps_graph_t *graph;
    amlaps_call_t call;
    amlaps_error_t error;
    amlaps_tenant_t tenant;
    amlaps_graph_config_t config;
    const amlaps_tenant_t *tenants[1];
    amlaps_clock_t clock;
    amlaps_transport_t transport;
    apr_time_t steady;
    int login;      /* 1: the login too answers with pieces */
    char *rest;     /* pieces not given yet */
    const char *last;
    int asked;      /* requests, the login's included */
    apr_pool_t *pool;
} fuzz_microsoft_t;

/** @param input kept and changed */
fuzz_microsoft_t *fuzz_microsoft(char *input, apr_pool_t *pool);

#endif
