/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "amlaps/text.h"

#include <string.h>

#include "text_internal.h"

/** Every `step`-th code point from `first` to `last` folds to itself plus `delta`. */
typedef struct fold_range_t {
    apr_uint32_t first;
    apr_uint32_t last;
    apr_uint32_t step;
    apr_int32_t delta;
} fold_range_t;

#include "text_fold_table.h"

/** A byte that is not UTF-8, told apart from every code point. */
#define RAW_BYTE 0x80000000u

apr_uint32_t amlaps_text_fold_point(apr_uint32_t point)
{
    apr_size_t low = 0;
    apr_size_t high = sizeof(fold_ranges) / sizeof(fold_ranges[0]);

    if (point < 0x80) {
        return point >= 'A' && point <= 'Z' ? point + ('a' - 'A') : point;
    }
    while (low < high) {
        apr_size_t middle = low + (high - low) / 2;
        const fold_range_t *range = &fold_ranges[middle];

        if (point > range->last) {
            low = middle + 1;
        }
        else if (point < range->first) {
            high = middle;
        }
        else {
            return (point - range->first) % range->step == 0 ? (apr_uint32_t)((apr_int32_t)point + range->delta) : point;
        }
    }
    return point;
}

apr_uint32_t amlaps_text_next_folded(const char **text)
{
    apr_uint32_t point;
    /* The end's NUL is no continuation byte, so that the decoder never looks past it. */
    apr_size_t size = amlaps_text_decode(&point, *text, AMLAPS_UTF8_MOST);

    if (size == 0) {
        point = RAW_BYTE | (unsigned char)**text;
        *text += 1;
        return point;
    }
    if (point == 0) {
        return 0;
    }
    *text += size;
    return amlaps_text_fold_point(point);
}

static apr_size_t write_unit(char target[AMLAPS_UTF8_MOST], apr_uint32_t unit)
{
    if (unit & RAW_BYTE) {
        target[0] = (char)(unit & 0xFF);
        return 1;
    }
    return amlaps_text_encode(target, unit);
}

const char *amlaps_text_fold(const char *text, apr_pool_t *pool)
{
    char scratch[AMLAPS_UTF8_MOST];
    const char *from = text;
    apr_size_t length = 0;
    apr_uint32_t unit;
    char *folded;
    char *at;

    if (text == NULL) {
        return NULL;
    }
    /* Measured first, because folding makes some texts longer: U+023A has two bytes, its fold U+2C65 three. */
    while ((unit = amlaps_text_next_folded(&from)) != 0) {
        length += write_unit(scratch, unit);
    }
    at = folded = apr_palloc(pool, length + 1);
    for (from = text; (unit = amlaps_text_next_folded(&from)) != 0;) {
        apr_size_t size = write_unit(scratch, unit);

        memcpy(at, scratch, size);
        at += size;
    }
    *at = '\0';
    return folded;
}

int amlaps_text_equal_folded(const char *a, const char *b)
{
    apr_uint32_t unit;

    if (a == NULL || b == NULL) {
        return 0;
    }
    do {
        unit = amlaps_text_next_folded(&a);
        if (unit != amlaps_text_next_folded(&b)) {
            return 0;
        }
    } while (unit != 0);
    return 1;
}
