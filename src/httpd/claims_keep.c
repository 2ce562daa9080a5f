/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "claims_keep.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include <apr_strings.h>

#include "claims.h"

#define WAYS 4
#define SETS (AMLAPS_CLAIMS_KEEP_PEOPLE / WAYS)

/* What a person is read of. */
typedef struct texts_t {
    const char *id_token, *userinfo; /* "" where there is none, which is the same */
    apr_size_t id_token_length, userinfo_length;
} texts_t;

/*
 * In a pool with an allocator of its own, which one thread fills before others see it and one thread destroys: whoever held the entry last.
 * jansson counts references atomically, and looking things up in a document changes nothing in it.
 */
typedef struct entry_t {
    apr_pool_t *pool;
    amlaps_person_t *person;
    texts_t texts;
    atomic_uint holders; /* requests, and the table */
    apr_uint64_t used;   /* when it was last used, as a number that grows; guarded by the table's mutex */
} entry_t;

struct amlaps_claims_keep_t {
    pthread_mutex_t mutex;
    apr_uint64_t uses;
    entry_t *entry[SETS][WAYS];
};

static apr_status_t let_go(void *baton)
{
    entry_t *entry = baton;

    if (entry && atomic_fetch_sub(&entry->holders, 1) == 1) {
        apr_pool_destroy(entry->pool);
    }
    return APR_SUCCESS;
}

static apr_status_t empty(void *baton)
{
    amlaps_claims_keep_t *keep = baton;
    int i, j;

    for (i = 0; i < SETS; i++) {
        for (j = 0; j < WAYS; j++) {
            let_go(keep->entry[i][j]);
        }
    }
    pthread_mutex_destroy(&keep->mutex);
    return APR_SUCCESS;
}

amlaps_claims_keep_t *amlaps_claims_keep_make(apr_pool_t *pool)
{
    amlaps_claims_keep_t *keep = apr_pcalloc(pool, sizeof(*keep));

    pthread_mutex_init(&keep->mutex, NULL);
    apr_pool_cleanup_register(pool, keep, empty, apr_pool_cleanup_null);
    return keep;
}

/* Eight bytes at a time: the texts are some thousand bytes long. It only says where to look, so it need not withstand anybody. */
static apr_uint64_t mix(apr_uint64_t hash, const char *text, apr_size_t length)
{
    while (length > 0) {
        apr_size_t step = length < sizeof(hash) ? length : sizeof(hash);
        apr_uint64_t word = 0;

        memcpy(&word, text, step);
        hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
        hash ^= hash >> 32;
        text += step;
        length -= step;
    }
    return hash;
}

static entry_t **set_of(amlaps_claims_keep_t *keep, const texts_t *texts)
{
    apr_uint64_t hash = mix(mix(0, texts->id_token, texts->id_token_length), texts->userinfo, texts->userinfo_length);

    return keep->entry[hash % SETS];
}

static int is_of(const entry_t *entry, const texts_t *texts)
{
    return entry && entry->texts.id_token_length == texts->id_token_length && entry->texts.userinfo_length == texts->userinfo_length &&
           memcmp(entry->texts.id_token, texts->id_token, texts->id_token_length) == 0 &&
           memcmp(entry->texts.userinfo, texts->userinfo, texts->userinfo_length) == 0;
}

/* @return the entry, held for the caller, or NULL */
static entry_t *find(amlaps_claims_keep_t *keep, entry_t *const *set, const texts_t *texts)
{
    entry_t *found = NULL;
    int i;

    pthread_mutex_lock(&keep->mutex);
    for (i = 0; i < WAYS && !found; i++) {
        if (is_of(set[i], texts)) {
            found = set[i];
            found->used = ++keep->uses;
            atomic_fetch_add(&found->holders, 1);
        }
    }
    pthread_mutex_unlock(&keep->mutex);
    return found;
}

/* In the place of one of the same texts, which another thread has put there meanwhile, else of none, else of the one not used for longest. */
static void put(amlaps_claims_keep_t *keep, entry_t **set, entry_t *entry)
{
    entry_t *displaced;
    int place = 0, i;

    pthread_mutex_lock(&keep->mutex);
    for (i = 1; i < WAYS && !is_of(set[place], &entry->texts); i++) {
        if (is_of(set[i], &entry->texts) || (set[place] && (!set[i] || set[i]->used < set[place]->used))) {
            place = i;
        }
    }
    displaced = set[place];
    entry->used = ++keep->uses;
    set[place] = entry;
    pthread_mutex_unlock(&keep->mutex);
    let_go(displaced);
}

/* @return held by the caller and, already, by the table; NULL where the texts name nobody, with why in `error`, or there is no memory */
static entry_t *make_entry(amlaps_error_t *error, const texts_t *texts, apr_pool_t *pool)
{
    amlaps_person_t *person;
    apr_pool_t *own;
    entry_t *made;

    if (apr_pool_create_unmanaged_ex(&own, apr_pool_abort_get(pool), NULL) != APR_SUCCESS) {
        return NULL;
    }
    if (amlaps_claims_read(&person, error, texts->id_token, texts->userinfo, own) != APR_SUCCESS) {
        apr_pool_destroy(own);
        return NULL;
    }
    made = apr_pcalloc(own, sizeof(*made));
    made->pool = own;
    made->person = person;
    made->texts = *texts;
    made->texts.id_token = apr_pstrmemdup(own, texts->id_token, texts->id_token_length);
    made->texts.userinfo = apr_pstrmemdup(own, texts->userinfo, texts->userinfo_length);
    atomic_init(&made->holders, 2);
    return made;
}

static entry_t *find_or_make(amlaps_error_t *error, amlaps_claims_keep_t *keep, const texts_t *texts, apr_pool_t *pool)
{
    entry_t **set = set_of(keep, texts), *entry = find(keep, set, texts);

    if (!entry && (entry = make_entry(error, texts, pool))) {
        put(keep, set, entry);
    }
    return entry;
}

apr_status_t amlaps_claims_keep_read(const amlaps_person_t **person, amlaps_error_t *error, amlaps_claims_keep_t *keep,
                                     const char *id_token, const char *userinfo, apr_pool_t *pool)
{
    const texts_t texts = { id_token, userinfo ? userinfo : "", strlen(id_token), userinfo ? strlen(userinfo) : 0 };
    amlaps_person_t *unshared = NULL;
    entry_t *entry = NULL;

    if (keep && texts.id_token_length + texts.userinfo_length <= AMLAPS_CLAIMS_KEEP_LONGEST) {
        entry = find_or_make(error, keep, &texts, pool);
    }
    if (entry) {
        apr_pool_cleanup_register(pool, entry, let_go, apr_pool_cleanup_null);
        *person = entry->person;
        return APR_SUCCESS;
    }
    if (!error->code) {
        amlaps_claims_read(&unshared, error, id_token, userinfo, pool);
    }
    *person = unshared;
    return unshared ? APR_SUCCESS : error->status;
}
