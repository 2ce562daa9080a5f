/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TEST_HTTP_FAKE_H
#define AMLAPS_TEST_HTTP_FAKE_H

/* An HTTP server on a free port of loopback that answers each request with the next scripted bytes, whatever they are. */

typedef enum http_then_t {
    HTTP_KEEP, /* the connection stays open for another request */
    HTTP_CLOSE,
    HTTP_RESET, /* ends it with RST */
    HTTP_STALL  /* stays silent until the server ends */
} http_then_t;

typedef struct http_fake_t http_fake_t;

http_fake_t *http_fake_open(void);

/** Ends the server, its threads and its connections. */
void http_fake_close(http_fake_t *server);

/** `raw` must live as long as the server. */
void http_fake_answers(http_fake_t *server, const char *raw, http_then_t then);

/** "http://127.0.0.1:PORT" */
const char *http_fake_root(const http_fake_t *server);
int http_fake_port(const http_fake_t *server);

/** The number of connections so far, of requests so far, and the text of one of them with its body. */
int http_fake_connections(http_fake_t *server);
int http_fake_requests(http_fake_t *server);
const char *http_fake_request(http_fake_t *server, int number);

/** Waits until so many requests have arrived. */
void http_fake_wait(http_fake_t *server, int requests);

#endif
