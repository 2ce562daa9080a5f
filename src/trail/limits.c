/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "limits.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "amlaps/digest.h"
#include "amlaps/text.h"

#define MOST 1000000

const char *amlaps_limit_parse(amlaps_limit_t *limit, amlaps_limit_scope_t scope, const char *text, apr_pool_t *pool)
{
    static const struct {
        const char *word;
        apr_interval_time_t period;
    } periods[] = {
        { "/minute", apr_time_from_sec(60) }, { "/hour", apr_time_from_sec(3600) }, { "/day", apr_time_from_sec(86400) }
    };
    size_t digits = strspn(text, "0123456789");
    long most = digits > 0 && digits <= 7 ? strtol(text, NULL, 10) : 0;
    size_t i;

    if (most < 1 || most > MOST) {
        return apr_psprintf(pool, "\"%s\" is no limit: write a number from 1 to 1000000, then /minute, /hour or /day, as in 10/minute",
                            amlaps_text_printable(text, 64, pool));
    }
    for (i = 0; i < sizeof(periods) / sizeof(*periods); i++) {
        if (strcmp(text + digits, periods[i].word) == 0) {
            limit->scope = scope;
            limit->most = (int)most;
            limit->period = periods[i].period;
            return NULL;
        }
    }
    return apr_psprintf(pool, "\"%s\" has no period: write /minute, /hour or /day after the number, as in %ld/minute",
                        amlaps_text_printable(text, 64, pool), most);
}

/** With the NUL of each text, so that ("ab", "c") and ("a", "bc") differ. */
static void make_key(char key[AMLAPS_LIMIT_KEY + 1], amlaps_digest_t *digest, const char *kind, const char *first, const char *second)
{
    const char *texts[] = { kind, first != NULL ? first : "", second != NULL ? second : "" };
    amlaps_piece_t pieces[3];
    unsigned char sum[AMLAPS_DIGEST_BYTES];
    char hex[AMLAPS_DIGEST_HEX + 1];
    int i;

    for (i = 0; i < 3; i++) {
        pieces[i].bytes = texts[i];
        pieces[i].length = strlen(texts[i]) + 1;
    }
    amlaps_digest_sum(sum, digest, pieces, 3);
    amlaps_digest_hex(hex, sum);
    memcpy(key, hex, AMLAPS_LIMIT_KEY);
    key[AMLAPS_LIMIT_KEY] = '\0';
}

static void person_key(char key[AMLAPS_LIMIT_KEY + 1], amlaps_digest_t *digest, const amlaps_record_t *record)
{
    if (record->tid != NULL && record->oid != NULL) {
        make_key(key, digest, "oid", record->tid, record->oid);
    } else {
        /* People without any identity share one counter: too strict rather than none. */
        make_key(key, digest, "sub", record->issuer, record->subject);
    }
}

int amlaps_limit_touches(amlaps_touch_t touch[AMLAPS_LIMIT_TOUCHES], const amlaps_record_t *record, apr_pool_t *pool)
{
    amlaps_digest_t *digest;

    switch (record->event) {
    case AMLAPS_EVENT_PASSWORD:
    case AMLAPS_EVENT_HISTORY:
        digest = amlaps_digest_make(pool);
        touch[0].scope = AMLAPS_LIMIT_USER;
        person_key(touch[0].key, digest, record);
        touch[1].scope = AMLAPS_LIMIT_ADDRESS;
        make_key(touch[1].key, digest, "address", record->address, NULL);
        return 2;
    case AMLAPS_EVENT_SEARCH:
        touch[0].scope = AMLAPS_LIMIT_SEARCH;
        person_key(touch[0].key, amlaps_digest_make(pool), record);
        return 1;
    default:
        return 0;
    }
}
