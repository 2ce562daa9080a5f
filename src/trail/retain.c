/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <string.h>

#include <apr_strings.h>

#include "gap.h"
#include "keeper.h"

/* Removed at a time, so that nobody waits long for the store. */
#define PORTION 2000

typedef struct retain_t {
    amlaps_retained_t *retained;
    int (*line)(void *baton, apr_int64_t seq, const char *json);
    void *baton;
    char anchor[AMLAPS_RECORD_HASH + 1]; /* of the last one */
    amlaps_gap_t gap;
    int lost;                            /* the receiver did not take it */
    apr_pool_t *scratch;
} retain_t;

static int take_last(void *baton, const amlaps_row_t *row)
{
    *(apr_int64_t *)baton = row->seq;
    return 0;
}

static int export_row(void *baton, const amlaps_row_t *row)
{
    retain_t *retain = baton;
    apr_size_t length;

    apr_pool_clear(retain->scratch);
    if (!amlaps_gap_follow(&retain->gap, row)) {
        return 0;
    }
    if (row->body == NULL || row->hash == NULL
        || !retain->line(retain->baton, row->seq, amlaps_record_copy(&length, row->body, row->length, row->anchor, retain->scratch))) {
        retain->lost = 1;
        return 0;
    }
    retain->retained->first = retain->retained->first == 0 ? row->seq : retain->retained->first;
    retain->retained->last = row->seq;
    apr_cpystrn(retain->retained->hash, row->hash, sizeof(retain->retained->hash));
    apr_cpystrn(retain->anchor, row->anchor != NULL ? row->anchor : "", sizeof(retain->anchor));
    return 1;
}

static apr_status_t export_all(retain_t *retain, const amlaps_keeper_t *keeper, apr_int64_t last)
{
    const amlaps_range_t range = { .before = last + 1 };
    apr_status_t status = amlaps_store_each(keeper->store_name, &range, export_row, retain, keeper->error);

    if (status == APR_SUCCESS) {
        status = amlaps_gap_end(&retain->gap, last, keeper->error);
    }
    if (status == APR_SUCCESS && (retain->lost || retain->retained->last != last || !retain->line(retain->baton, 0, NULL))) {
        status = amlaps_error_set(keeper->error, AMLAPS_AUDIT_UNAVAILABLE, "AML0240", APR_EGENERAL,
                                  "the export could not be written whole, so nothing was removed");
    }
    return status;
}

static apr_status_t forget(amlaps_keeper_t *keeper, const amlaps_retained_t *retained)
{
    amlaps_store_t *store = keeper->batch.store;
    apr_status_t status = APR_SUCCESS;
    apr_int64_t seq = retained->first - 1;
    amlaps_head_t head;

    while (status == APR_SUCCESS && seq < retained->last) {
        seq = seq + PORTION < retained->last ? seq + PORTION : retained->last;
        status = store->ops->begin(&head, store, AMLAPS_KEEPER_PATIENCE, keeper->error);
        if (status == APR_SUCCESS) {
            status = store->ops->forget(store, seq, keeper->error);
        }
        if (status == APR_SUCCESS) {
            status = store->ops->commit(store, &head, keeper->error);
        }
        if (status != APR_SUCCESS) {
            store->ops->rollback(store);
        }
    }
    return status;
}

apr_status_t amlaps_trail_retain(amlaps_retained_t *retained, amlaps_error_t *error, const char *store, const char *state, apr_time_t before,
                                 const char *who, int (*line)(void *baton, apr_int64_t seq, const char *json), void *baton, apr_pool_t *pool)
{
    amlaps_keeper_t keeper = { .store_name = store, .state = state, .error = error, .pool = pool };
    retain_t retain = { .retained = retained, .line = line, .baton = baton, .gap.store = store };
    amlaps_json_t *about = amlaps_json_make_object(pool);
    apr_status_t status = apr_pool_create(&retain.scratch, pool);
    apr_int64_t last = 0;

    memset(retained, 0, sizeof(*retained));
    if (status == APR_SUCCESS && (status = amlaps_keeper_open(&keeper)) == APR_SUCCESS) {
        /* The beginning of 1970 would be no bound to the store, and everything would go. */
        const amlaps_range_t range = { .until = before != 0 ? before : 1, .before = keeper.head.seq, .newest_first = 1 };

        status = amlaps_store_each(store, &range, take_last, &last, error);
    }
    if (status == APR_SUCCESS && last > 0 && (status = export_all(&retain, &keeper, last)) == APR_SUCCESS) {
        amlaps_json_set_integer(about, "last", last);
        amlaps_json_set_text(about, "hash", retained->hash);
        amlaps_json_set_known(about, "anchor", retain.anchor[0] != '\0' ? retain.anchor : NULL);
        status = amlaps_keeper_tell(&keeper, AMLAPS_RECORD_EXPORTED, about, who);
        retained->told = status == APR_SUCCESS;
        if (status == APR_SUCCESS) {
            status = forget(&keeper, retained);
        }
    }
    amlaps_keeper_close(&keeper);
    return status;
}
