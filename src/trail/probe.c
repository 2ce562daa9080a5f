/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "trail_state.h"

#define EVERY apr_time_from_sec(10)

/* @return 1 where a transaction of its own could be written and no required copy lacks records */
static int prove(amlaps_trail_t *trail)
{
    amlaps_errand_t *errand = amlaps_errand_make(AMLAPS_ERRAND_PROVE, NULL);
    amlaps_job_t *job = errand != NULL ? amlaps_job_make_errand(errand) : NULL;
    amlaps_error_t error = { 0 };
    int good;

    if (job == NULL || !amlaps_writer_do(trail->writer, job, &error)) {
        return 0;
    }
    good = job->error.status == APR_SUCCESS && !job->errand->lacking;
    amlaps_job_free(job);
    return good;
}

int amlaps_trail_probe(amlaps_trail_t *trail)
{
    apr_time_t now = amlaps_clock_steady(&trail->clock);
    int mine, good;

    if (trail->writer == NULL) {
        return 1;
    }
    pthread_mutex_lock(&trail->probe.mutex);
    mine = !trail->probe.running && (trail->probe.last == 0 || now - trail->probe.last >= EVERY);
    if (mine) {
        trail->probe.running = 1;
    }
    good = trail->probe.last == 0 || trail->probe.good;
    pthread_mutex_unlock(&trail->probe.mutex);
    if (mine) {
        good = prove(trail);
        pthread_mutex_lock(&trail->probe.mutex);
        trail->probe.running = 0;
        trail->probe.good = good;
        trail->probe.last = now;
        pthread_mutex_unlock(&trail->probe.mutex);
    }
    return good && amlaps_writer_healthy(trail->writer);
}
