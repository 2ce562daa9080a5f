/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_HTTPD_WHEN_H
#define AMLAPS_HTTPD_WHEN_H

#include "httpd_glue.h"

/*
 * AMLapsWhen: httpd's expression language with an allow-list. Everything that a condition can read is in the circumstances, the person and the
 * device, so that configtest evaluates the same conditions for invented ones.
 */

typedef struct amlaps_circumstances_t {
    request_rec *r;            /* the request, or one made up at configtest; its pool takes what an evaluation needs */
    const char *address;       /* the client's */
    apr_time_t now;
    int https;
} amlaps_circumstances_t;

typedef struct amlaps_when_t amlaps_when_t;

/** Compiles a condition. @return NULL, or the mistake with the list of what is allowed */
const char *amlaps_when_parse(const amlaps_when_t **when, cmd_parms *cmd, const char *text);

/** AMLAPS_NEED_* bits of the facts that the condition reads. */
int amlaps_when_needs(const amlaps_when_t *when);

/** An amlaps_condition_t: `circumstances` is an amlaps_circumstances_t, `when` an amlaps_when_t. */
amlaps_known_t amlaps_when_holds(void *circumstances, const void *when, const amlaps_person_t *person, const amlaps_device_t *device);

/** @return 1 where the text is a complete IPv4 or IPv6 address, so that nobody resolves it as a host's name */
int amlaps_when_is_address(const char *text);

/** The circumstances of a real request. */
amlaps_circumstances_t amlaps_when_of_request(request_rec *r);

#endif
