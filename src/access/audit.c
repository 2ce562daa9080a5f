/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "steps.h"

#include <string.h>

#include <apr_strings.h>

#include "amlaps/text.h"

/* A worker is held no longer than this for one page, so that nobody's look at the audit holds up those who work. */
#define PATIENCE apr_time_from_sec(1)
#define PATIENCE_TO_VERIFY apr_time_from_sec(4)
#define EXPORT_PAGE 500

static const char *add_word(const char *text, const char *name, const char *value, apr_pool_t *pool)
{
    return value ? apr_pstrcat(pool, text, " ", name, "=", value, NULL) : text;
}

/* What was asked, in the words of the query. */
static const char *describe(const char *what, const amlaps_filter_t *filter, apr_pool_t *pool)
{
    what = add_word(what, "actor", filter->actor, pool);
    what = add_word(what, "device", filter->device, pool);
    what = add_word(what, "event", filter->event, pool);
    what = add_word(what, "outcome", filter->outcome, pool);
    what = add_word(what, "since", filter->since ? amlaps_text_time(filter->since, pool) : NULL, pool);
    return add_word(what, "until", filter->until ? amlaps_text_time(filter->until, pool) : NULL, pool);
}

/* Nobody reads the audit whose reading is not recorded, and nothing is read before it is. */
static apr_status_t admit(amlaps_record_t *record, amlaps_error_t *error, const amlaps_access_t *access, const amlaps_asker_t *asker,
                          const char *what, apr_pool_t *pool)
{
    amlaps_access_begin(record, AMLAPS_EVENT_AUDIT, asker);
    record->search = what;
    if (amlaps_access_require_role(error, access, asker, AMLAPS_ROLE_AUDITOR,
                                   amlaps_access_deadline(access, AMLAPS_TIME_TO_RECORD + PATIENCE), pool) != APR_SUCCESS) {
        return amlaps_access_refuse(error, access, record, NULL, pool);
    }
    record->stage = AMLAPS_STAGE_OUTCOME;
    record->outcome = AMLAPS_OUTCOME_GRANTED;
    return amlaps_trail_admit(error, access->trail, record, pool);
}

/* The record said that the answer was released; a second one says that it was not, or not all of it. */
static apr_status_t note_failure(amlaps_error_t *error, const amlaps_access_t *access, amlaps_record_t *record, apr_pool_t *pool)
{
    amlaps_error_t ignored = { 0 };

    record->outcome = AMLAPS_OUTCOME_FAILED;
    record->code = amlaps_code_word(error->code);
    amlaps_trail_conclude(&ignored, access->trail, record, pool);
    return error->status;
}

apr_status_t amlaps_access_audit(amlaps_records_t **records, amlaps_error_t *error, const amlaps_access_t *access,
                                 const amlaps_asker_t *asker, const amlaps_filter_t *filter, apr_int64_t from, apr_size_t most,
                                 apr_pool_t *pool)
{
    const amlaps_find_t find = {
        .filter = *filter, .newest_first = 1, .from = from, .except_id = asker->id, .most = most, .patience = PATIENCE
    };
    amlaps_record_t record;

    *records = NULL;
    if (admit(&record, error, access, asker, describe(from ? "records, next page" : "records", filter, pool), pool) != APR_SUCCESS) {
        return error->status;
    }
    if (amlaps_trail_find(records, error, amlaps_trail_store(access->trail), &find, pool) != APR_SUCCESS) {
        return note_failure(error, access, &record, pool);
    }
    return APR_SUCCESS;
}

apr_status_t amlaps_access_audit_verify(amlaps_verify_t *result, int *more, amlaps_error_t *error, const amlaps_access_t *access,
                                        const amlaps_asker_t *asker, apr_pool_t *pool)
{
    const apr_time_t deadline = amlaps_clock_steady(access->clock) + AMLAPS_WHOLE_INTERACTION;
    apr_interval_time_t left;
    amlaps_record_t record;

    *more = 0;
    if (admit(&record, error, access, asker, result->last || result->seam ? "verify, next part" : "verify", pool) != APR_SUCCESS) {
        return error->status;
    }
    left = deadline - amlaps_clock_steady(access->clock);
    if (amlaps_trail_verify_part(result, more, error, amlaps_trail_store(access->trail),
                                 left < PATIENCE_TO_VERIFY ? left : PATIENCE_TO_VERIFY, pool) != APR_SUCCESS) {
        return note_failure(error, access, &record, pool);
    }
    return APR_SUCCESS;
}

static apr_status_t read_all(amlaps_error_t *error, const char *store, amlaps_find_t *find, amlaps_access_visit_t visit, void *baton,
                             apr_pool_t *pool)
{
    apr_pool_t *page;
    apr_status_t status = apr_pool_create(&page, pool);
    int wanted = 1;

    if (status != APR_SUCCESS) {
        return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0410", status, "no memory to export the audit with");
    }
    while (wanted) {
        amlaps_records_t *records;

        apr_pool_clear(page);
        if ((status = amlaps_trail_find(&records, error, store, find, page)) != APR_SUCCESS) {
            break;
        }
        find->from = records->next;
        wanted = visit(baton, records, page) && records->next;
    }
    apr_pool_destroy(page);
    return status;
}

apr_status_t amlaps_access_audit_export(amlaps_error_t *error, const amlaps_access_t *access, const amlaps_asker_t *asker,
                                        const amlaps_filter_t *filter, const char *format, amlaps_access_visit_t visit, void *baton,
                                        apr_pool_t *pool)
{
    const char *store = amlaps_trail_store(access->trail);
    amlaps_find_t find = { .filter = *filter, .anchored = 1, .most = EXPORT_PAGE, .patience = PATIENCE };
    amlaps_record_t record;

    if (admit(&record, error, access, asker, describe(apr_pstrcat(pool, "export ", format, NULL), filter, pool), pool) != APR_SUCCESS) {
        return error->status;
    }
    /* It ends with what was there when it began, or it would not end while others work. */
    if (amlaps_trail_last(&find.to, error, store) != APR_SUCCESS ||
        read_all(error, store, &find, visit, baton, pool) != APR_SUCCESS) {
        return note_failure(error, access, &record, pool);
    }
    return APR_SUCCESS;
}
