/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Times and GUIDs as Graph writes them: what is read is written again as the same moment. */
#include "amlaps/text.h"
#include "fuzz.h"

#define FIRST (-62135596800 * APR_USEC_PER_SEC) /* 0001-01-01 */
#define LAST (253402300799 * APR_USEC_PER_SEC)  /* 9999-12-31, its last second */

void fuzz_one(const uint8_t *bytes, size_t length, apr_pool_t *pool)
{
    const char *text = fuzz_text(bytes, length, pool);
    char guid[AMLAPS_GUID_LENGTH + 1], again[AMLAPS_GUID_LENGTH + 1];
    apr_time_t time, second;

    /* an offset may lead out of the years that can be written */
    if (amlaps_text_read_time(&time, text) && time >= FIRST && time <= LAST) {
        const char *written = amlaps_text_time(time, pool);
        fuzz_check(strlen(written) == AMLAPS_TIME_LENGTH && amlaps_text_read_time(&second, written));
        fuzz_check(second <= time && time - second < 1000);
    }
    if (amlaps_text_guid(guid, text)) {
        fuzz_check(strlen(guid) == AMLAPS_GUID_LENGTH && amlaps_text_guid(again, guid) && strcmp(guid, again) == 0);
    }
    const char *shown = amlaps_text_printable(text, 100, pool);
    fuzz_check(strlen(shown) <= 100 && !amlaps_text_has_controls(shown));
    fuzz_check(amlaps_text_equal_folded(text, amlaps_text_fold(text, pool)));
}
