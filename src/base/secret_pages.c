/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "secret_pages.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <sys/mman.h>

#include "amlaps/secret.h"

/* Few secrets are longer than a page; what is larger than two goes back to the system. A request holds seven at a time, and to map and lock them
 * anew for each costs most where many ask at once. */
#define KEPT_PAGES 2
#define KEPT_MOST 1024

/* Of this process. A child of fork starts without: locks are not inherited. */
static struct {
    pthread_mutex_t mutex;
    int keeping;
    int count[KEPT_PAGES];
    char *kept[KEPT_PAGES][KEPT_MOST];
} store = { .mutex = PTHREAD_MUTEX_INITIALIZER };

static apr_size_t page_size(void)
{
    static apr_size_t known;
    long size;

    if (known == 0) {
        size = sysconf(_SC_PAGESIZE);
        known = size > 0 ? (apr_size_t)size : 4096;
    }
    return known;
}

static char *take_kept(apr_size_t pages)
{
    char *taken = NULL;

    if (pages > KEPT_PAGES) {
        return NULL;
    }
    pthread_mutex_lock(&store.mutex);
    if (store.count[pages - 1] > 0) {
        taken = store.kept[pages - 1][--store.count[pages - 1]];
    }
    pthread_mutex_unlock(&store.mutex);
    return taken;
}

static int keep(char *bytes, apr_size_t pages)
{
    int kept;

    if (pages > KEPT_PAGES) {
        return 0;
    }
    pthread_mutex_lock(&store.mutex);
    kept = store.keeping && store.count[pages - 1] < KEPT_MOST;
    if (kept) {
        store.kept[pages - 1][store.count[pages - 1]++] = bytes;
    }
    pthread_mutex_unlock(&store.mutex);
    return kept;
}

char *amlaps_secret_pages_take(apr_size_t *size, apr_size_t room)
{
    apr_size_t page = page_size();
    void *pages;

    if (room > SIZE_MAX / 2 - page) {
        return NULL;
    }
    *size = (room + page) / page * page;
    pages = take_kept(*size / page);
    if (pages != NULL) {
        return pages;
    }
    pages = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) {
        return NULL;
    }
    /* Both as far as the system lets us: RLIMIT_MEMLOCK is small on many, and a secret that could be swapped beats none. A
     * child inherits the pages after fork on purpose (the tenant's credentials), though not the lock. */
    (void)madvise(pages, *size, MADV_DONTDUMP);
    (void)mlock(pages, *size);
    return pages;
}

void amlaps_secret_pages_give(char *pages, apr_size_t size, int zeros)
{
    if (pages != NULL) {
        if (!zeros) {
            explicit_bzero(pages, size);
        }
        if (!keep(pages, size / page_size())) {
            (void)munmap(pages, size);
        }
    }
}

static apr_status_t stop_keeping(void *unused)
{
    apr_size_t pages;

    (void)unused;
    pthread_mutex_lock(&store.mutex);
    store.keeping = 0;
    for (pages = 1; pages <= KEPT_PAGES; pages++) {
        while (store.count[pages - 1] > 0) {
            (void)munmap(store.kept[pages - 1][--store.count[pages - 1]], pages * page_size());
        }
    }
    pthread_mutex_unlock(&store.mutex);
    return APR_SUCCESS;
}

void amlaps_secret_keep_pages(apr_pool_t *pool)
{
    store.keeping = 1;
    apr_pool_cleanup_register(pool, &store, stop_keeping, apr_pool_cleanup_null);
}
