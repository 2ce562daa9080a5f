/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "amlaps/policy.h"

#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include "amlaps/text.h"

static int has(const char *const *list, const char *name)
{
    for (; *list; list++) {
        if (!strcmp(*list, name)) {
            return 1;
        }
    }
    return 0;
}

static int count_of(const char *const *list)
{
    int count = 0;

    while (list && list[count]) {
        count++;
    }
    return count;
}

/* Both lists, each name once; one of them where the other is empty. */
static const char *const *join(const char *const *a, const char *const *b, apr_pool_t *pool)
{
    int count = count_of(a);
    const char **joined;

    if (!count || !count_of(b)) {
        return count ? a : b;
    }
    joined = apr_pcalloc(pool, (apr_size_t)(count + count_of(b) + 1) * sizeof(*joined));
    memcpy(joined, a, (apr_size_t)count * sizeof(*joined));
    for (; *b; b++) {
        if (!has(joined, *b)) {
            joined[count++] = *b;
        }
    }
    return joined;
}

void amlaps_tell_join(amlaps_tell_t *joined, const amlaps_tell_t *a, const amlaps_tell_t *b, apr_pool_t *pool)
{
    const amlaps_tell_t made = {join(a->on_success, b->on_success, pool), join(a->on_failure, b->on_failure, pool)};

    *joined = made;
}

const char *amlaps_tell_add(amlaps_tell_t *tell, const char *const *words, int count, apr_pool_t *pool)
{
    const char **names;
    amlaps_tell_t more = {NULL, NULL};
    int i;

    if (count < 2) {
        return "write success, failure or all, then the names of channels";
    }
    names = apr_pcalloc(pool, (apr_size_t)count * sizeof(*names));
    for (i = 1; i < count; i++) {
        names[i - 1] = apr_pstrdup(pool, words[i]);
    }
    if (!strcasecmp(words[0], "success")) {
        more.on_success = names;
    }
    else if (!strcasecmp(words[0], "failure")) {
        more.on_failure = names;
    }
    else if (!strcasecmp(words[0], "all")) {
        more.on_success = more.on_failure = names;
    }
    else {
        return apr_psprintf(pool, "\"%s\" is none of success, failure and all: write one of them, then the names of channels",
                            amlaps_text_printable(words[0], 64, pool));
    }
    amlaps_tell_join(tell, tell, &more, pool);
    return NULL;
}
