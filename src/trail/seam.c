/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "seam.h"

#include <apr_strings.h>

#include "mark.h"

/* Rows between two looks at the clock. */
#define LOOK 64

typedef struct look_t {
    apr_int64_t first;         /* the store's first record */
    amlaps_mark_t audit, code; /* of an export */
    amlaps_view_t exported;    /* the newest export of all that is gone, else of most; seq 0: none found */
    apr_time_t until;          /* steady, 0: never */
    apr_int64_t reached;       /* where time was over; 0: it was not */
    apr_size_t seen;
    apr_pool_t *pool, *scratch; /* cleared with each record that is read */
} look_t;

static int take_first(void *baton, const amlaps_row_t *row)
{
    *(apr_int64_t *)baton = row->seq;
    return 0;
}

apr_status_t amlaps_seam_moved(int *moved, const amlaps_check_t *check, const amlaps_seam_t *seam, const char *store, amlaps_error_t *error)
{
    apr_int64_t first = 0;
    apr_status_t status = check->missing ? amlaps_store_each(store, NULL, take_first, &first, error) : APR_SUCCESS;

    *moved = status == APR_SUCCESS && first > check->result->first_bad && first > seam->begins;
    return status;
}

static void keep(amlaps_view_t *exported, amlaps_field_t field, const amlaps_view_t *view, apr_pool_t *pool)
{
    exported->field[field] = view->field[field];
    exported->field[field].text = view->field[field].text != NULL ? apr_pstrdup(pool, view->field[field].text) : NULL;
}

/** Two that went on side by side are told of in any order, so that the newest may be the one that removed less. */
static int take_export(void *baton, const amlaps_row_t *row)
{
    look_t *look = baton;
    amlaps_view_t view;

    if (row->body != NULL && amlaps_mark_may_be(&look->code, row->body, row->length)
        && amlaps_mark_may_be(&look->audit, row->body, row->length)) {
        apr_pool_clear(look->scratch);
        if (amlaps_view_parse(&view, row->body, row->length, look->scratch) == NULL && amlaps_mark_is(&look->code, &view)
            && amlaps_mark_is(&look->audit, &view) && view.seal_last > look->exported.seal_last) {
            look->exported.seq = view.seq;
            look->exported.seal_last = view.seal_last;
            keep(&look->exported, AMLAPS_FIELD_SEAL_HASH, &view, look->pool);
            keep(&look->exported, AMLAPS_FIELD_SEAL_ANCHOR, &view, look->pool);
        }
        if (look->exported.seal_last >= look->first - 1) {
            return 0;
        }
    }
    if (++look->seen % LOOK == 0 && look->until != 0 && amlaps_clock_steady(amlaps_clock_system()) >= look->until) {
        look->reached = row->seq;
    }
    return look->reached == 0;
}

/** Looks for the export, or goes on looking. Where the store begins elsewhere meanwhile, there is a newer one. */
static apr_status_t search(look_t *look, amlaps_seam_t *seam, const char *store, amlaps_error_t *error)
{
    const amlaps_range_t backwards = { .newest_first = 1, .before = seam->first == look->first ? seam->before : 0 };
    apr_status_t status = look->first > 1 ? amlaps_store_each(store, &backwards, take_export, look, error) : APR_SUCCESS;

    seam->before = look->reached;
    seam->first = look->reached != 0 ? look->first : 0;
    return status;
}

apr_status_t amlaps_seam_find(amlaps_check_t *check, amlaps_seam_t *seam, const char *store, amlaps_error_t *error, apr_pool_t *pool)
{
    const amlaps_slice_t *hash;
    look_t look = { .until = seam->until };
    apr_status_t status = apr_pool_create(&look.scratch, pool);

    look.pool = pool;
    if (status != APR_SUCCESS) {
        return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0218", status, "no memory to verify with");
    }
    amlaps_mark_make(&look.audit, AMLAPS_FIELD_EVENT, amlaps_record_event(AMLAPS_EVENT_AUDIT), pool);
    amlaps_mark_make(&look.code, AMLAPS_FIELD_CODE, AMLAPS_RECORD_EXPORTED, pool);
    status = amlaps_store_each(store, NULL, take_first, &look.first, error);
    seam->begins = look.first;
    if (status == APR_SUCCESS) {
        status = search(&look, seam, store, error);
    }
    if (status != APR_SUCCESS || look.exported.seq == 0) {
        return status;
    }
    hash = &look.exported.field[AMLAPS_FIELD_SEAL_HASH];
    check->result->exported = look.exported.seal_last;
    if (look.exported.seal_last == look.first - 1 && hash->text != NULL && hash->length == AMLAPS_RECORD_HASH) {
        amlaps_check_continue(check, look.exported.seal_last, hash->text, NULL);
        amlaps_check_seal_after(check->seal, &look.exported.field[AMLAPS_FIELD_SEAL_ANCHOR]);
        check->start = 0;
    } else if (look.exported.seal_last >= look.first) {
        /* Its removal is not done yet. */
        check->vouched = 1;
    }
    return APR_SUCCESS;
}
