/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MOST 64

typedef struct entry_t {
    apr_int64_t first;
    unsigned char bytes[AMLAPS_DIGEST_BYTES];
} entry_t;

struct amlaps_keys_t {
    entry_t *key; /* in secret memory, by rising first record */
    int count;
};

amlaps_keys_t *amlaps_keys_make(apr_pool_t *pool)
{
    amlaps_keys_t *keys = apr_pcalloc(pool, sizeof(*keys));
    amlaps_secret_t *secret = amlaps_secret_make(MOST * sizeof(entry_t), pool);

    if (secret == NULL) {
        return NULL;
    }
    keys->key = (entry_t *)(void *)secret->bytes;
    return keys;
}

/** Puts it where its first record belongs. @return 0 where there is one for the same record */
static int insert(amlaps_keys_t *keys, const entry_t *key)
{
    int i = keys->count;

    while (i > 0 && keys->key[i - 1].first > key->first) {
        i--;
    }
    if (i > 0 && keys->key[i - 1].first == key->first) {
        return 0;
    }
    memmove(&keys->key[i + 1], &keys->key[i], (size_t)(keys->count - i) * sizeof(entry_t));
    keys->key[i] = *key;
    keys->count++;
    return 1;
}

const char *amlaps_keys_add(amlaps_keys_t *keys, const char *text)
{
    static const char prefix[] = "amlaps-key:";
    const char *mistake = NULL;
    entry_t key;
    char *end;

    if (strncmp(text, prefix, sizeof(prefix) - 1) != 0) {
        return "a verification key begins with amlaps-key: as amlaps-audit init printed it";
    }
    text += sizeof(prefix) - 1;
    errno = 0;
    key.first = strtoll(text, &end, 10);
    if (end == text || *end != ':' || errno != 0 || key.first < 1) {
        return "after amlaps-key: comes the number of a record and a colon";
    }
    if (!amlaps_digest_read_hex(key.bytes, end + 1) || end[1 + AMLAPS_DIGEST_HEX] != '\0') {
        mistake = "a verification key ends with 64 hexadecimal digits in lower case";
    } else if (keys->count == MOST) {
        mistake = "there are more than 64 keys";
    } else if (!insert(keys, &key)) {
        mistake = "two keys begin with the same record";
    }
    explicit_bzero(&key, sizeof(key));
    return mistake;
}

apr_int64_t amlaps_keys_first(const amlaps_keys_t *keys)
{
    return keys->count > 0 ? keys->key[0].first : 0;
}

const unsigned char *amlaps_keys_find(apr_int64_t *first, const amlaps_keys_t *keys, apr_int64_t seq)
{
    int i = keys->count;

    while (i > 0 && keys->key[i - 1].first > seq) {
        i--;
    }
    if (i == 0) {
        return NULL;
    }
    *first = keys->key[i - 1].first;
    return keys->key[i - 1].bytes;
}
