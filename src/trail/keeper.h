/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TRAIL_KEEPER_H
#define AMLAPS_TRAIL_KEEPER_H

/* What amlaps-audit does to a trail: it opens the store as httpd's children do, and each thing that it does is a record. */

#include "amlaps/sealing.h"
#include "batch.h"

/* How long the tool waits for httpd's children. */
#define AMLAPS_KEEPER_PATIENCE apr_time_from_sec(10)

typedef struct amlaps_keeper_t {
    const char *store_name;
    const char *state;    /* NULL: the trail is not sealed */
    amlaps_batch_t batch;
    amlaps_head_t head;   /* of the store when it was opened */
    amlaps_error_t *error;
    apr_pool_t *pool;
} amlaps_keeper_t;

/** Opens the store and reads its head. Whatever it returns, amlaps_keeper_close must follow. */
apr_status_t amlaps_keeper_open(amlaps_keeper_t *keeper);
void amlaps_keeper_close(amlaps_keeper_t *keeper);

/** Shows that the store takes records: a full disk must be told of before a key is shown that would seal nothing. */
apr_status_t amlaps_keeper_prove(amlaps_keeper_t *keeper);

/** Writes the record that tells what `who` did, as any other record is written. @param about its member `seal` */
apr_status_t amlaps_keeper_tell(amlaps_keeper_t *keeper, const char *code, amlaps_json_t *about, const char *who);

/** Says that there is no memory. @return error->status */
apr_status_t amlaps_keeper_no_memory(amlaps_error_t *error);

#endif
