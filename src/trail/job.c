/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "job.h"

#include <stdlib.h>
#include <string.h>

static size_t size_of(const char *text)
{
    return text != NULL ? strlen(text) + 1 : 0;
}

/** Moves a text behind the job. */
static const char *keep(char **end, const char *text)
{
    char *start = *end;
    size_t size = size_of(text);

    if (size == 0) {
        return NULL;
    }
    memcpy(start, text, size);
    *end = start + size;
    return start;
}

static size_t size_of_names(const char *const *names)
{
    size_t size = 1;

    for (; names != NULL && *names != NULL; names++) {
        size += strlen(*names) + 1;
    }
    return size;
}

static const char *keep_names(char **end, const char *const *names)
{
    const char *start = *end;

    for (; names != NULL && *names != NULL; names++) {
        keep(end, *names);
    }
    *(*end)++ = '\0';
    return start;
}

/** Not calloc, which does without the thread's own free memory. */
static amlaps_job_t *make(void)
{
    amlaps_job_t *job = malloc(sizeof(*job));

    if (job != NULL) {
        memset(job, 0, sizeof(*job));
    }
    return job;
}

amlaps_job_t *amlaps_job_make(const amlaps_record_t *record, int counts, apr_pool_t *pool)
{
    const char *code = amlaps_record_code(record, pool);
    const char *id = record->id;
    const char *actor = amlaps_record_who(record, pool);
    const char *device = amlaps_record_what(record, pool);
    size_t size = size_of(code) + size_of(id) + size_of(actor) + size_of(device);
    amlaps_line_t line;
    amlaps_job_t *job = make();
    char *end;
    int i;

    amlaps_record_line(&line, record, pool);
    for (i = 0; i <= AMLAPS_SLOTS; i++) {
        size += size_of(line.part[i]);
    }
    size += size_of_names(record->on_success) + size_of_names(record->on_failure) + size_of_names(record->told);
    size += size_of(record->untold) + size_of(record->untold_why);
    if (job == NULL || (job->texts = malloc(size)) == NULL) {
        free(job);
        return NULL;
    }
    end = job->texts;
    for (i = 0; i <= AMLAPS_SLOTS; i++) {
        job->line.part[i] = keep(&end, line.part[i]);
    }
    job->code = keep(&end, code);
    job->id = id != NULL ? keep(&end, id) : "";
    job->actor = keep(&end, actor);
    job->device = keep(&end, device);
    job->stage = amlaps_record_stage(record->stage);
    job->event = amlaps_record_event(record->event);
    job->outcome = amlaps_record_outcome(record->outcome);
    job->on_success = keep_names(&end, record->on_success);
    job->on_failure = keep_names(&end, record->on_failure);
    job->told = keep_names(&end, record->told);
    job->untold = keep(&end, record->untold);
    job->untold_why = keep(&end, record->untold_why);
    job->touches = counts ? amlaps_limit_touches(job->touch, record, pool) : 0;
    return job;
}

amlaps_job_t *amlaps_job_make_errand(amlaps_errand_t *errand)
{
    amlaps_job_t *job = make();

    if (job == NULL) {
        amlaps_errand_free(errand);
        return NULL;
    }
    job->errand = errand;
    return job;
}

void amlaps_job_free(amlaps_job_t *job)
{
    amlaps_errand_free(job->errand);
    free(job->texts);
    free(job);
}
