/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "trouble.h"

#include <pthread.h>
#include <string.h>

#define KINDS 32
#define PAUSE apr_time_from_sec(60)

struct amlaps_trouble_t {
    pthread_mutex_t mutex;
    struct {
        const char *id;
        apr_time_t said;
    } kind[KINDS];
};

amlaps_trouble_t *amlaps_trouble_make(apr_pool_t *pool)
{
    amlaps_trouble_t *trouble = apr_pcalloc(pool, sizeof(*trouble));

    pthread_mutex_init(&trouble->mutex, NULL);
    return trouble;
}

/** What nothing but a restart ends is said once. */
static int is_final(const char *id)
{
    return strcmp(id, "AML0205") == 0 || strcmp(id, "AML0210") == 0;
}

static int is_news(amlaps_trouble_t *trouble, const char *id)
{
    /* The system's clock, even in tests with another one: this is about how much a person reads. */
    apr_time_t now = amlaps_clock_steady(amlaps_clock_system());
    int news = 1;
    int i = 0;

    pthread_mutex_lock(&trouble->mutex);
    while (i < KINDS - 1 && trouble->kind[i].id != NULL && strcmp(trouble->kind[i].id, id) != 0) {
        i++;
    }
    if (trouble->kind[i].id != NULL && strcmp(trouble->kind[i].id, id) == 0
        && (is_final(id) || now - trouble->kind[i].said < PAUSE)) {
        news = 0;
    } else {
        trouble->kind[i].id = id;
        trouble->kind[i].said = now;
    }
    pthread_mutex_unlock(&trouble->mutex);
    return news;
}

int amlaps_trouble_say(amlaps_trouble_t *trouble, amlaps_log_level_t level, const amlaps_error_t *error)
{
    const int news = is_news(trouble, error->id);

    if (news) {
        amlaps_log(level, error->id, error->status, "%s", error->detail);
    }
    return news;
}
