/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "amlaps/secret.h"

#include <stdint.h>
#include <string.h>

#include "secret_pages.h"

/* Pages hold `room` bytes and one for the NUL, so that their size need not be kept beside `room`. */

static apr_status_t forget(void *data)
{
    amlaps_secret_t *secret = data;

    amlaps_secret_pages_give(secret->bytes, secret->room + 1, secret->wiped && secret->length == 0);
    secret->bytes = NULL;
    secret->length = 0;
    secret->room = 0;
    return APR_SUCCESS;
}

/** Moves to pages with room for `room` bytes, adding `extra`, which may lie in the old pages. */
static apr_status_t move(amlaps_secret_t *secret, apr_size_t room, const char *extra, apr_size_t extra_length)
{
    apr_size_t size = 0;
    char *pages = amlaps_secret_pages_take(&size, room);

    if (pages == NULL) {
        return APR_ENOMEM;
    }
    if (secret->length > 0) {
        memcpy(pages, secret->bytes, secret->length);
    }
    if (extra_length > 0) {
        memcpy(pages + secret->length, extra, extra_length);
    }
    amlaps_secret_pages_give(secret->bytes, secret->bytes == NULL ? 0 : secret->room + 1, 0);
    secret->bytes = pages;
    secret->wiped = 0;
    secret->length += extra_length;
    secret->room = size - 1;
    return APR_SUCCESS;
}

amlaps_secret_t *amlaps_secret_make(apr_size_t room, apr_pool_t *pool)
{
    amlaps_secret_t *secret = apr_pcalloc(pool, sizeof(*secret));

    if (room > 0 && move(secret, room, NULL, 0) != APR_SUCCESS) {
        return NULL;
    }
    apr_pool_cleanup_register(pool, secret, forget, apr_pool_cleanup_null);
    return secret;
}

apr_status_t amlaps_secret_append(amlaps_secret_t *secret, const char *bytes, apr_size_t length)
{
    apr_size_t needed;

    if (length > SIZE_MAX / 4 - secret->length) {
        return APR_ENOMEM;
    }
    needed = secret->length + length;
    if (secret->bytes == NULL || needed > secret->room) {
        /* At least double, so that an answer that arrives in small pieces is not copied for each. */
        return move(secret, needed > 2 * secret->room ? needed : 2 * secret->room, bytes, length);
    }
    if (length > 0) {
        memmove(secret->bytes + secret->length, bytes, length);
    }
    secret->length = needed;
    secret->bytes[needed] = '\0';
    secret->wiped = 0;
    return APR_SUCCESS;
}

apr_status_t amlaps_secret_reserve(amlaps_secret_t *secret, apr_size_t room)
{
    secret->wiped = 0;
    if (secret->bytes != NULL && room <= secret->room) {
        return APR_SUCCESS;
    }
    return room == 0 ? APR_SUCCESS : move(secret, room, NULL, 0);
}

void amlaps_secret_wipe(amlaps_secret_t *secret)
{
    /* All of it, not only `length` bytes: a caller may have written into the room and not counted it. */
    if (secret->bytes != NULL) {
        explicit_bzero(secret->bytes, secret->room + 1);
    }
    secret->wiped = 1;
    secret->length = 0;
}
