/* Licensed under the Apache License, Version 2.0; see LICENSE. */

#include "hash.h"

#include <string.h>

#include "amlaps/text.h"

#define LOWER_EIGHT 0x2020202020202020ULL
#define HIGH_EIGHT 0x8080808080808080ULL
#define WORD sizeof(apr_uint64_t)

static apr_uint64_t mix(apr_uint64_t hash, apr_uint64_t word)
{
    hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
    return hash ^ (hash >> 32);
}

/* Bytes that go into the hash one at a time, packed as the fast path packs them. */
typedef struct stream_t {
    apr_uint64_t hash;
    apr_size_t length;
    unsigned char bytes[WORD];
} stream_t;

static void mix_bytes(stream_t *stream)
{
    apr_uint64_t word;

    memcpy(&word, stream->bytes, WORD);
    stream->hash = mix(stream->hash, word | LOWER_EIGHT);
    memset(stream->bytes, 0, WORD);
}

static void put(stream_t *stream, unsigned char byte)
{
    stream->bytes[stream->length++ % WORD] = byte;
    if (stream->length % WORD == 0) {
        mix_bytes(stream);
    }
}

static int is_continuation(unsigned char byte)
{
    return (byte & 0xc0) == 0x80;
}

/* First bytes of UTF-8 whose characters have no letter case: Hebrew to N'Ko, Indic scripts, Kana, Han, Hangul. */
static int is_caseless(unsigned char lead)
{
    return (lead >= 0xd7 && lead <= 0xe0) || (lead >= 0xe3 && lead <= 0xe9) || (lead >= 0xeb && lead <= 0xed);
}

/*
 * Outside ASCII only what folding leaves alone counts; a letter that has a case counts for nothing, which costs at most a longer
 * chain. Two letters fold into ASCII: U+017F long s and U+212A Kelvin sign.
 */
static apr_uint64_t hash_unicode(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    stream_t stream = {0, 0, {0}};

    while (*at) {
        if (*at < 0x80) {
            put(&stream, *at++);
        }
        else if (at[0] == 0xc5 && at[1] == 0xbf) {
            put(&stream, 's');
            at += 2;
        }
        else if (at[0] == 0xe2 && at[1] == 0x84 && at[2] == 0xaa) {
            put(&stream, 'k');
            at += 3;
        }
        else {
            int counts = is_caseless(*at);

            do {
                if (counts) {
                    put(&stream, *at);
                }
                at++;
            } while (is_continuation(*at));
        }
    }
    mix_bytes(&stream);
    return mix(stream.hash, stream.length);
}

apr_uint64_t amlaps_hash_folded(const char *text)
{
    apr_size_t length = strlen(text), at;
    apr_uint64_t hash = 0, word = 0;

    /* Setting bit 5 lowers the letters of ASCII and merges some other characters, which a hash may do. */
    for (at = 0; at + WORD <= length; at += WORD) {
        memcpy(&word, text + at, WORD);
        if (word & HIGH_EIGHT) {
            return hash_unicode(text);
        }
        hash = mix(hash, word | LOWER_EIGHT);
    }
    word = 0;
    memcpy(&word, text + at, length - at);
    if (word & HIGH_EIGHT) {
        return hash_unicode(text);
    }
    return mix(mix(hash, word | LOWER_EIGHT), length);
}

static unsigned char lower(unsigned char byte)
{
    return byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte;
}

int amlaps_hash_equal_folded(const char *a, const char *b)
{
    if (strcmp(a, b) == 0) {
        return 1;
    }
    for (; !((*a | *b) & 0x80); a++, b++) {
        if (lower((unsigned char)*a) != lower((unsigned char)*b)) {
            return 0;
        }
        if (*a == '\0') {
            return 1;
        }
    }
    return amlaps_text_equal_folded(a, b);
}
