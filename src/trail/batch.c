/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "batch.h"

#include <string.h>

#include <apr_hash.h>
#include <apr_strings.h>

#include "amlaps/text.h"

#define DAY apr_time_from_sec(86400)

/** What one batch is about while it runs. */
typedef struct run_t {
    const amlaps_batch_t *batch;
    amlaps_head_t head;
    apr_time_t now;       /* of the records */
    apr_time_t limit_now; /* of the limits */
    const char *time;     /* `now` as JSON text */
    int queued;           /* something was, for a channel */
    apr_hash_t *full;     /* by channel: "" where there is room; NULL: none was asked about yet */
    amlaps_error_t *error;
    apr_pool_t *pool;
} run_t;

/** The time of the L-th newest attempt says whether L attempts lie within the period, and when there will be fewer. */
static apr_status_t check_touch(apr_interval_time_t *blocked, const amlaps_touch_t *touch, apr_int64_t last, const run_t *run)
{
    const amlaps_batch_t *batch = run->batch;
    apr_size_t i;

    *blocked = 0;
    for (i = 0; i < batch->limit_count; i++) {
        const amlaps_limit_t *limit = &batch->limits[i];
        apr_time_t attempt;
        apr_status_t status;

        if (limit->scope != touch->scope || last < limit->most) {
            continue;
        }
        status = batch->store->ops->attempt_time(&attempt, batch->store, touch, last - limit->most + 1, run->error);
        if (status != APR_SUCCESS) {
            return status;
        }
        if (attempt != 0 && attempt + limit->period - run->limit_now > *blocked) {
            *blocked = attempt + limit->period - run->limit_now;
        }
    }
    return APR_SUCCESS;
}

static apr_status_t settle_limits(amlaps_job_t *job, const run_t *run)
{
    amlaps_store_t *store = run->batch->store;
    apr_int64_t last[AMLAPS_LIMIT_TOUCHES] = { 0 };
    apr_interval_time_t longest = 0;
    apr_status_t status = APR_SUCCESS;
    int t;

    for (t = 0; t < job->touches && status == APR_SUCCESS; t++) {
        status = store->ops->last_attempt(&last[t], store, &job->touch[t], run->error);
        if (status == APR_SUCCESS) {
            status = check_touch(&job->blocked[t], &job->touch[t], last[t], run);
        }
        longest = job->blocked[t] > longest ? job->blocked[t] : longest;
    }
    if (status == APR_SUCCESS && longest > 0) {
        job->stage = amlaps_record_stage(AMLAPS_STAGE_OUTCOME);
        job->outcome = amlaps_record_outcome(AMLAPS_OUTCOME_DENIED);
        job->code = "\"rate_limited\"";
        amlaps_error_set(&job->error, AMLAPS_RATE_LIMITED, "AML0220", APR_EGENERAL, "too many attempts; the next one counts in %d s",
                         (int)apr_time_sec(longest + apr_time_from_sec(1) - 1));
        job->error.retry_after = longest;
        return APR_SUCCESS;
    }
    for (t = 0; t < job->touches && status == APR_SUCCESS; t++) {
        status = store->ops->add_attempt(store, &job->touch[t], last[t] + 1, run->limit_now, run->error);
    }
    return status;
}

static const char *quoted(const char *text, apr_pool_t *pool)
{
    return apr_pstrcat(pool, "\"", text, "\"", NULL);
}

/** Writes the record that follows the head, and makes it the head. @param text of its copies */
static apr_status_t chain(const char **text, apr_size_t *length, const amlaps_job_t *job, run_t *run)
{
    const char *value[AMLAPS_SLOTS] = { NULL };
    amlaps_row_t row = { 0 };
    char hash[AMLAPS_RECORD_HASH + 1], anchor[AMLAPS_RECORD_HASH + 1];

    row.seq = run->head.seq + 1;
    value[AMLAPS_SLOT_CODE] = job->code;
    value[AMLAPS_SLOT_OUTCOME] = quoted(job->outcome, run->pool);
    value[AMLAPS_SLOT_PREV] = quoted(run->head.hash, run->pool);
    value[AMLAPS_SLOT_SEQ] = apr_psprintf(run->pool, "%" APR_INT64_T_FMT, row.seq);
    value[AMLAPS_SLOT_STAGE] = quoted(job->stage, run->pool);
    value[AMLAPS_SLOT_TIME] = run->time;
    *text = amlaps_line_join(length, &job->line, value, run->pool);
    amlaps_record_hash(hash, run->batch->digest, run->head.hash, *text, *length);
    value[AMLAPS_SLOT_HASH] = quoted(hash, run->pool);
    *text = amlaps_line_join(length, &job->line, value, run->pool);
    row.time = run->now;
    row.id = job->id;
    row.stage = job->stage;
    row.event = job->event;
    row.outcome = job->outcome;
    row.actor = job->actor;
    row.device = job->device;
    row.body = *text;
    row.length = *length;
    row.hash = hash;
    if (run->batch->sealer != NULL) {
        amlaps_sealer_seal(anchor, run->batch->sealer, hash);
        row.anchor = anchor;
        value[AMLAPS_SLOT_ANCHOR] = quoted(anchor, run->pool);
        *text = amlaps_line_join(length, &job->line, value, run->pool);
    }
    run->head.seq = row.seq;
    run->head.time = row.time;
    memcpy(run->head.hash, hash, sizeof(hash));
    return run->batch->store->ops->add_record(run->batch->store, &row, run->error);
}

int amlaps_owed_wake(amlaps_owed_t *owed)
{
    if (owed == NULL || !owed->any) {
        return 0;
    }
    owed->any = 0;
    owed->wake(owed->baton);
    return 1;
}

/** Nobody who is owed a wake waits for others in the store. Any other fault is found once: the next attempt may know only that it was. */
static apr_status_t begin(run_t *run, apr_interval_time_t patience)
{
    const amlaps_batch_t *batch = run->batch;
    const int owed = batch->owed != NULL && batch->owed->any;
    apr_status_t status = batch->store->ops->begin(&run->head, batch->store, owed ? 0 : patience, run->error);

    if (status == APR_EBUSY && amlaps_owed_wake(batch->owed)) {
        batch->store->ops->rollback(batch->store);
        memset(run->error, 0, sizeof(*run->error));
        status = batch->store->ops->begin(&run->head, batch->store, patience, run->error);
    }
    return status;
}

static apr_status_t start(run_t *run, apr_interval_time_t patience, apr_interval_time_t *behind)
{
    const amlaps_batch_t *batch = run->batch;
    apr_time_t wall = amlaps_clock_wall(batch->clock);
    apr_time_t newest;
    apr_status_t status = begin(run, patience);

    if (status == APR_SUCCESS) {
        status = amlaps_sealer_begin(batch->sealer, &run->head, patience, run->error, run->pool);
    }
    if (status == APR_SUCCESS) {
        status = batch->store->ops->newest_attempt(&newest, batch->store, run->error);
    }
    if (status != APR_SUCCESS) {
        return status;
    }
    wall -= wall % 1000;
    *behind = run->head.time > wall ? run->head.time - wall : 0;
    run->now = wall + *behind;
    run->time = quoted(amlaps_text_time(run->now, run->pool), run->pool);
    run->limit_now = amlaps_shared_limit_time(batch->shared, batch->clock, batch->store->ops->wall != NULL ? batch->store->ops->wall(batch->store)
                                                                                                           : amlaps_clock_wall(batch->clock),
                                              newest);
    run->limit_now -= run->limit_now % 1000;
    return APR_SUCCESS;
}

/** Asked once a batch for each channel: a batch is small beside the queue. */
static apr_status_t is_full(int *full, const char *channel, run_t *run)
{
    const char *known;
    apr_status_t status = APR_SUCCESS;

    if (run->full == NULL) {
        run->full = apr_hash_make(run->pool);
    }
    if ((known = apr_hash_get(run->full, channel, APR_HASH_KEY_STRING)) == NULL) {
        status = amlaps_errand_is_full(full, run->batch->store, channel, run->error);
        apr_hash_set(run->full, channel, APR_HASH_KEY_STRING, *full ? "full" : "");
        return status;
    }
    *full = *known != '\0';
    return status;
}

/** Queues what the record's channels are to be told, as part of its transaction. */
static apr_status_t queue(const amlaps_job_t *job, const char *text, apr_size_t length, run_t *run)
{
    amlaps_store_t *store = run->batch->store;
    const char *channel = strcmp(job->outcome, amlaps_record_outcome(AMLAPS_OUTCOME_GRANTED)) == 0 ? job->on_success : job->on_failure;
    apr_status_t status = APR_SUCCESS;

    if (strcmp(job->outcome, amlaps_record_outcome(AMLAPS_OUTCOME_PENDING)) == 0) {
        return APR_SUCCESS;
    }
    for (; *channel != '\0' && status == APR_SUCCESS; channel += strlen(channel) + 1) {
        int full = 0;

        status = is_full(&full, channel, run);
        if (status == APR_SUCCESS) {
            status = amlaps_errand_queue(store, channel, text, length, full, amlaps_clock_wall(run->batch->clock), run->error);
        }
        run->queued = 1;
    }
    return status;
}

/** Notes how those channels fared that were told before. */
static apr_status_t note_told(const amlaps_job_t *job, const run_t *run)
{
    amlaps_store_t *store = run->batch->store;
    const apr_time_t now = amlaps_clock_wall(run->batch->clock);
    const char *channel;
    apr_status_t status = APR_SUCCESS;

    for (channel = job->told; *channel != '\0' && status == APR_SUCCESS; channel += strlen(channel) + 1) {
        status = store->queue->note(store, channel, now, NULL, run->error);
    }
    return status == APR_SUCCESS && job->untold != NULL ? store->queue->note(store, job->untold, now, job->untold_why, run->error) : status;
}

/**
 * Another child, or another server, may have been faster. Where the last record is of this one, its age is that of the clock which nobody sets: with
 * the wall clock set back, a trail would be silent until that has passed the record.
 * @return 0 where nothing was recorded for long, else how long it may still be so
 */
static apr_interval_time_t silent_in(const run_t *run)
{
    const amlaps_batch_t *batch = run->batch;
    const amlaps_copy_state_t *state = amlaps_shared_copy(batch->shared, batch->key);
    const apr_interval_time_t age = state->last == run->head.seq ? amlaps_clock_steady(batch->clock) - state->written : run->now - run->head.time;

    return age < batch->silence ? batch->silence - age : 0;
}

static void note_last(const run_t *run)
{
    amlaps_copy_state_t *state = amlaps_shared_copy(run->batch->shared, run->batch->key);

    state->last = run->head.seq;
    state->written = amlaps_clock_steady(run->batch->clock);
}

static apr_status_t do_job(amlaps_copies_t *copies, amlaps_job_t *job, run_t *run)
{
    const apr_size_t place = copies->count;
    apr_status_t status;

    if (job->errand != NULL) {
        job->errand->lacking = amlaps_sinks_behind(run->batch->sinks) > 1;
        return amlaps_errand_run(job->errand, run->batch->store, amlaps_clock_wall(run->batch->clock), run->error, run->pool);
    }
    if (job->beat && (job->silent_in = silent_in(run)) > 0) {
        return APR_SUCCESS;
    }
    status = settle_limits(job, run);
    if (status == APR_SUCCESS) {
        status = chain(&copies->line[place], &copies->length[place], job, run);
    }
    copies->count++;
    if (status == APR_SUCCESS) {
        status = queue(job, copies->line[place], copies->length[place], run);
        copies->line[place] = amlaps_json_legible(&copies->length[place], copies->line[place], copies->length[place], run->pool);
    }
    return status == APR_SUCCESS ? note_told(job, run) : status;
}

/** Tells the store which limits settle_limits will look at. */
static void foresee(const amlaps_batch_t *batch, amlaps_job_t *const *jobs, apr_size_t count, apr_pool_t *pool)
{
    const amlaps_touch_t **touches;
    apr_size_t found = 0;
    apr_size_t i;
    int t;

    if (batch->store->ops->foresee == NULL) {
        return;
    }
    touches = apr_palloc(pool, count * AMLAPS_LIMIT_TOUCHES * sizeof(*touches));
    for (i = 0; i < count; i++) {
        for (t = 0; t < jobs[i]->touches; t++) {
            touches[found++] = &jobs[i]->touch[t];
        }
    }
    batch->store->ops->foresee(batch->store, touches, found, batch->limits, batch->limit_count);
}

apr_status_t amlaps_batch_run(const amlaps_batch_t *batch, amlaps_job_t *const *jobs, apr_size_t count, apr_interval_time_t patience,
                              apr_interval_time_t *behind, amlaps_error_t *error, apr_pool_t *pool)
{
    run_t run = { .batch = batch, .error = error, .pool = pool };
    amlaps_copies_t copies = { apr_palloc(pool, count * sizeof(const char *)), apr_palloc(pool, count * sizeof(apr_size_t)), 0, 0 };
    apr_status_t status;
    int recorded;
    apr_size_t i;

    *behind = 0;
    amlaps_sinks_forget(batch->sinks);
    foresee(batch, jobs, count, pool);
    status = start(&run, patience, behind);
    copies.first = run.head.seq + 1;
    for (i = 0; i < count && status == APR_SUCCESS; i++) {
        status = do_job(&copies, jobs[i], &run);
    }
    if (status == APR_SUCCESS) {
        status = batch->store->ops->prune(batch->store, run.limit_now - DAY, error);
    }
    amlaps_owed_wake(batch->owed);
    if (status == APR_SUCCESS) {
        status = batch->store->ops->commit(batch->store, &run.head, error);
    }
    if (status != APR_SUCCESS) {
        batch->store->ops->rollback(batch->store);
    }
    if (status == APR_SUCCESS && batch->sealer != NULL) {
        status = amlaps_sealer_commit(batch->sealer, error);
    }
    recorded = status == APR_SUCCESS;
    for (i = 0; i < count; i++) {
        jobs[i]->recorded = recorded;
    }
    if (recorded && copies.count > 0 && batch->silence > 0) {
        note_last(&run);
    }
    if (recorded && run.queued) {
        amlaps_shared_tell(batch->shared);
    }
    if (recorded && batch->sinks != NULL) {
        /* Half of what a worker waits: it must hear what was wrong with the copy. */
        status = amlaps_sinks_write(batch->sinks, &copies, patience / 2, error, pool);
    }
    if (batch->sealer != NULL) {
        amlaps_sealer_end(batch->sealer);
    }
    if (status != APR_SUCCESS && error->status == APR_SUCCESS) {
        /* Those who wait look at the error alone: one that says nothing would tell them that their records are on disk. */
        amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0222", status,
                         "the audit store did not take the records and gave no reason; report this as a bug");
    }
    return status;
}
