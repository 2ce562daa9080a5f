/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_HTTPD_COUNTS_H
#define AMLAPS_HTTPD_COUNTS_H

/*
 * What all children of all generations count together, from the start of httpd to its end. For SetHandler amlaps-metrics and mod_status. Of
 * people and devices nothing is in it.
 */

#include "httpd_glue.h"

#include "amlaps/meter.h"

/** What was asked for; the words of the label `endpoint` stand in counts.c. */
typedef enum amlaps_endpoint_t {
    AMLAPS_ENDPOINT_OTHER, /* nothing that there is */
    AMLAPS_ENDPOINT_PAGE,
    AMLAPS_ENDPOINT_SESSION,
    AMLAPS_ENDPOINT_SEARCH,
    AMLAPS_ENDPOINT_DEVICE,
    AMLAPS_ENDPOINT_PASSWORD,
    AMLAPS_ENDPOINT_HISTORY,
    AMLAPS_ENDPOINT_EXPLAIN,
    AMLAPS_ENDPOINT_AUDIT,
    AMLAPS_ENDPOINT_STATUS,
    AMLAPS_ENDPOINTS
} amlaps_endpoint_t;

const char *amlaps_endpoint_word(amlaps_endpoint_t endpoint);

typedef struct amlaps_child_slot_t {
    _Atomic int pid;               /* 0: free */
    _Atomic int asking;            /* requests of this child that are at Graph */
} amlaps_child_slot_t;

typedef struct amlaps_counts_t {
    amlaps_count_t requests[AMLAPS_ENDPOINTS][AMLAPS_CODES];
    amlaps_histogram_t took[AMLAPS_ENDPOINTS];
    amlaps_graph_meter_t graph;
    _Atomic apr_int64_t configured; /* when the configuration was read last */
    int slots;
    amlaps_child_slot_t slot[];
} amlaps_counts_t;

/** How one request ended; filled on its way. */
typedef struct amlaps_tally_t {
    amlaps_endpoint_t endpoint;
    amlaps_code_t code;
    apr_time_t start;              /* steady */
} amlaps_tally_t;

/** Makes the memory, or finds it again after a restart. In the parent, in post_config. @return 0 without memory */
int amlaps_counts_keep(void);

/** The counts of a channel, which go on where a channel of that name comes back. In the parent, in post_config. @return NULL without memory */
amlaps_channel_meter_t *amlaps_counts_channel(const char *name);

/** What waits for the channel in a store, the same way. @param store may hold a password, and is not kept */
amlaps_queue_meter_t *amlaps_counts_queue(const char *name, const char *store);

/** Attempts to deliver, of all channels that there ever were. */
typedef struct amlaps_deliveries_t {
    apr_uint64_t delivered, failed;
} amlaps_deliveries_t;
amlaps_deliveries_t amlaps_counts_deliveries(void);

/** NULL where the module is not configured. */
amlaps_counts_t *amlaps_counts(void);

/** Takes a slot for this child, until the pool goes. In child_init. */
void amlaps_counts_enter(apr_pool_t *pchild);

/** This child's requests at Graph; NULL where there was no slot left: then its share is not seen. */
_Atomic int *amlaps_counts_own_asking(void);

/** Requests at Graph now, of all children that live. */
int amlaps_counts_asking(const amlaps_counts_t *counts);

void amlaps_counts_begin(amlaps_tally_t *tally, amlaps_endpoint_t endpoint);
void amlaps_counts_end(const amlaps_tally_t *tally);

/** Disclosures by what became of them: sums over the codes. */
typedef struct amlaps_reveals_t {
    apr_uint64_t granted, denied, failed;
} amlaps_reveals_t;
amlaps_reveals_t amlaps_counts_reveals(const amlaps_counts_t *counts, amlaps_endpoint_t endpoint);

/** What the trails of all children have done, see amlaps_trail_counts. */
amlaps_trail_counts_t amlaps_lifecycle_trail_counts(void);

#endif
