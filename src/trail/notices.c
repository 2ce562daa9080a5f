/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "trail_state.h"

#include <apr_strings.h>

apr_status_t amlaps_trail_lead(amlaps_trail_t *trail, apr_interval_time_t patience)
{
    apr_status_t status = APR_SUCCESS;

    if (trail->lead < 0) {
        int died;

        if ((status = amlaps_shared_lock(trail->shared, patience, &died)) == APR_SUCCESS) {
            trail->lead = amlaps_shared_lead_of(trail->shared, trail->store);
            amlaps_shared_unlock(trail->shared);
        }
    }
    return status == APR_SUCCESS ? amlaps_shared_lead(trail->shared, trail->lead, patience) : status;
}

void amlaps_trail_follow(amlaps_trail_t *trail)
{
    amlaps_shared_follow(trail->shared, trail->lead);
}

int amlaps_trail_is_over(const amlaps_trail_t *trail)
{
    return amlaps_shared_generation(trail->shared) != trail->generation;
}

unsigned amlaps_trail_news(const amlaps_trail_t *trail)
{
    return amlaps_shared_told(trail->shared);
}

/** Has the writer do the errand. @return the job, to be freed by amlaps_job_free, NULL after `error` was set */
static amlaps_job_t *run(amlaps_error_t *error, amlaps_trail_t *trail, amlaps_errand_t *errand)
{
    amlaps_job_t *job;

    if (trail->writer == NULL) {
        amlaps_errand_free(errand);
        amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0218", APR_ENOTIMPL, "a store that is off keeps no notifications");
        return NULL;
    }
    job = errand != NULL ? amlaps_job_make_errand(errand) : NULL;
    if (job == NULL) {
        amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0218", APR_ENOMEM, "no memory for a notification");
        return NULL;
    }
    if (!amlaps_writer_do(trail->writer, job, error)) {
        return NULL;
    }
    if (job->error.status != APR_SUCCESS) {
        *error = job->error;
        amlaps_job_free(job);
        return NULL;
    }
    return job;
}

/** The same where nothing comes of it but that it was done. */
static apr_status_t settle(amlaps_error_t *error, amlaps_trail_t *trail, amlaps_errand_t *errand)
{
    amlaps_job_t *job = run(error, trail, errand);

    if (job == NULL) {
        return error->status;
    }
    amlaps_job_free(job);
    return APR_SUCCESS;
}

static const char *text_of(const char *why, apr_pool_t *pool)
{
    return *why != '\0' ? apr_pstrdup(pool, why) : NULL;
}

apr_status_t amlaps_trail_take_notice(amlaps_notice_t **notice, apr_interval_time_t *wait, amlaps_error_t *error, amlaps_trail_t *trail,
                                      const char *channel, apr_pool_t *pool)
{
    amlaps_job_t *job = run(error, trail, amlaps_errand_make(AMLAPS_ERRAND_TAKE, channel));

    *notice = NULL;
    *wait = 0;
    if (job == NULL) {
        return error->status;
    }
    *wait = job->errand->wait;
    if (job->errand->row.number != 0) {
        *notice = apr_pcalloc(pool, sizeof(**notice));
        (*notice)->number = job->errand->row.number;
        (*notice)->channel = apr_pstrdup(pool, channel);
        (*notice)->record = apr_pstrdup(pool, job->errand->row.body);
        (*notice)->queued = job->errand->row.queued;
        (*notice)->attempts = job->errand->row.attempts;
        (*notice)->why = text_of(job->errand->why, pool);
    }
    amlaps_job_free(job);
    return APR_SUCCESS;
}

apr_status_t amlaps_trail_end_notice(amlaps_error_t *error, amlaps_trail_t *trail, const amlaps_notice_t *notice, amlaps_notice_end_t end,
                                     apr_interval_time_t again, const char *why)
{
    amlaps_errand_t *errand = amlaps_errand_make(AMLAPS_ERRAND_END, notice->channel);

    if (errand != NULL) {
        errand->number = notice->number;
        errand->attempts = notice->attempts;
        errand->end = end;
        errand->again = again;
        amlaps_errand_set_why(errand, why);
    }
    return settle(error, trail, errand);
}

apr_status_t amlaps_trail_channel(amlaps_channel_standing_t *standing, amlaps_error_t *error, amlaps_trail_t *trail, const char *channel,
                                  apr_pool_t *pool)
{
    amlaps_job_t *job = run(error, trail, amlaps_errand_make(AMLAPS_ERRAND_STAND, channel));

    if (job == NULL) {
        return error->status;
    }
    *standing = job->errand->standing;
    standing->why = text_of(job->errand->why, pool);
    amlaps_job_free(job);
    return APR_SUCCESS;
}

apr_status_t amlaps_trail_tidy(amlaps_error_t *error, amlaps_trail_t *trail)
{
    return settle(error, trail, amlaps_errand_make(AMLAPS_ERRAND_TIDY, NULL));
}
