/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_NOTIFY_H
#define AMLAPS_NOTIFY_H

/*
 * Telling people and machines what was recorded: webhooks (JSON, Slack, Teams) and mail. A channel is plain data, filled while the configuration
 * is read and constant afterwards; a delivery is one attempt, and says what came of it. When to try again is the caller's: access and the
 * queue of the trail. What is told is the audit record, so never a password. Facts: shared Graph notes, section 10; Standard Webhooks 1.0;
 * RFC 5322, 2047.
 */

#include "amlaps/base.h"
#include "amlaps/meter.h"
#include "amlaps/secret.h"
#include "amlaps/transport.h"

typedef enum amlaps_channel_kind_t { AMLAPS_CHANNEL_JSON, AMLAPS_CHANNEL_SLACK, AMLAPS_CHANNEL_TEAMS, AMLAPS_CHANNEL_MAIL } amlaps_channel_kind_t;

typedef struct amlaps_template_t amlaps_template_t;

/** What became of one channel's notifications, in memory that all children share. All zero is a fresh one. Any thread. */
typedef struct amlaps_channel_meter_t {
    amlaps_count_t delivered, failed;  /* attempts, by how they ended */
} amlaps_channel_meter_t;

/** What waits for one channel in one store: servers with stores of their own may share a channel. Memory as above. Any thread. */
typedef struct amlaps_queue_meter_t {
    _Atomic apr_int64_t queued, dead;  /* as the store had them when it was last asked */
    _Atomic int asked;                 /* 1: it was */
} amlaps_queue_meter_t;

typedef struct amlaps_channel_t {
    const char *name;
    amlaps_channel_kind_t kind;
    int required;                      /* no delivery, no password */
    apr_interval_time_t give_up;       /* an undelivered notification is a dead letter after that */
    const amlaps_template_t *template; /* NULL for JSON, which has no text */
    const char *ca_file;               /* NULL: the system's */
    amlaps_channel_meter_t *meter;     /* NULL: nobody counts */
    /* Webhook: */
    const amlaps_secret_t *url;        /* whoever knows it may write there */
    const amlaps_secret_t *key;        /* signs the body, NULL: nobody does */
    /* Mail: */
    const char *server;                /* smtp://HOST[:PORT] or smtps://HOST[:PORT] */
    int loopback;                      /* the server is on this machine */
    const char *from;
    const char *const *to;             /* NULL-terminated */
    const char *user;                  /* NULL: no login */
    const amlaps_secret_t *password;
} amlaps_channel_t;

/* ---- while the configuration is read: each returns NULL, or what to write instead, without the value where that is a secret ---- */

/** @param word json, slack or teams */
const char *amlaps_channel_set_kind(amlaps_channel_t *channel, const char *word, apr_pool_t *pool);

/** https://, or http:// for loopback addresses. @param url kept */
const char *amlaps_channel_set_url(amlaps_channel_t *channel, const amlaps_secret_t *url, apr_pool_t *pool);

/** @param written base64, perhaps behind whsec_, as Standard Webhooks have it */
const char *amlaps_channel_set_key(amlaps_channel_t *channel, const amlaps_secret_t *written, apr_pool_t *pool);

/** @param words the server's URL, the sender, then recipients; kept */
const char *amlaps_channel_set_mail(amlaps_channel_t *channel, const char *const *words, int count, apr_pool_t *pool);

/** Reads a template for the channel's kind. @param text NULL: the one that is shipped in conf/notify */
const char *amlaps_channel_set_template(amlaps_channel_t *channel, const char *text, apr_size_t length, apr_pool_t *pool);

/* ---- delivering ---- */

typedef struct amlaps_notify_t amlaps_notify_t;

/** The channels of all servers in one child; names are unique. @param transport opened with amlaps_notify_faults; borrowed */
apr_status_t amlaps_notify_open(amlaps_notify_t **notify, const amlaps_channel_t *const *channels, apr_size_t count,
                                const amlaps_transport_t *transport, const amlaps_clock_t *clock, apr_pool_t *pool);
extern const amlaps_transport_faults_t amlaps_notify_faults;

apr_size_t amlaps_notify_count(const amlaps_notify_t *notify);
const amlaps_channel_t *amlaps_notify_channel(const amlaps_notify_t *notify, apr_size_t index);
/** @return the channel of that name, or NULL */
const amlaps_channel_t *amlaps_notify_find(const amlaps_notify_t *notify, const char *name);

typedef enum amlaps_delivery_end_t {
    AMLAPS_DELIVERY_DONE,
    AMLAPS_DELIVERY_LATER, /* may work on another try */
    AMLAPS_DELIVERY_NEVER  /* the receiver wants it no more */
} amlaps_delivery_end_t;

typedef struct amlaps_delivery_t {
    amlaps_delivery_end_t end;
    apr_interval_time_t after; /* not before; 0: the receiver said nothing */
    char why[240];             /* for an administrator, without secrets; "" where it was delivered */
} amlaps_delivery_t;

/**
 * One attempt. Repeated with the same record it is the same message to its receiver (webhook-id, Message-ID). Any thread.
 * @param record the audit record's JSON
 * @param stop as in amlaps_http_request_t, may be NULL
 */
void amlaps_notify_deliver(amlaps_delivery_t *delivery, const amlaps_notify_t *notify, const amlaps_channel_t *channel, const char *record,
                           apr_interval_time_t timeout, volatile apr_uint32_t *stop, apr_pool_t *pool);

/** @return the audit id that the record carries, "?" where it has none */
const char *amlaps_notify_id(const char *record, apr_pool_t *pool);

/**
 * How long to wait after so many attempts that failed: doubles from a second to a quarter of an hour, a quarter more or less by chance, and
 * never less than the receiver asked for. @param chance any number
 */
apr_interval_time_t amlaps_notify_backoff(int attempts, apr_interval_time_t after, unsigned chance);

#endif
