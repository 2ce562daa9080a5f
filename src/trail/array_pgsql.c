/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "pgsql.h"

#include <arpa/inet.h>
#include <string.h>

/* The head of an array of one dimension: dimensions, whether there are NULLs, type, length, first index; each an int32 in network order. The
 * elements follow, each behind its length. */
#define HEAD 20
#define FIRST_ROOM 1024

static void put(char *place, apr_uint32_t number)
{
    number = htonl(number);
    memcpy(place, &number, sizeof(number));
}

static char *grow(amlaps_pgsql_array_t *array, apr_size_t more)
{
    char *place;

    if (array->length + more > array->room) {
        char *old = array->bytes;

        array->room = 2 * (array->length + more);
        array->bytes = apr_palloc(array->pool, array->room);
        memcpy(array->bytes, old, array->length);
    }
    place = array->bytes + array->length;
    array->length += more;
    return place;
}

void amlaps_pgsql_array_init(amlaps_pgsql_array_t *array, Oid type, apr_pool_t *pool)
{
    array->pool = pool;
    array->type = type;
    array->count = 0;
    array->room = FIRST_ROOM;
    array->length = HEAD;
    array->bytes = apr_palloc(pool, FIRST_ROOM);
}

void amlaps_pgsql_array_add_number(amlaps_pgsql_array_t *array, apr_int64_t number)
{
    char *place = grow(array, 12);

    put(place, 8);
    put(place + 4, (apr_uint32_t)((apr_uint64_t)number >> 32));
    put(place + 8, (apr_uint32_t)((apr_uint64_t)number & 0xFFFFFFFFU));
    array->count++;
}

void amlaps_pgsql_array_add_text(amlaps_pgsql_array_t *array, const char *text, apr_size_t length)
{
    char *place = grow(array, 4 + (text != NULL ? length : 0));

    put(place, text != NULL ? (apr_uint32_t)length : (apr_uint32_t)-1);
    if (text != NULL) {
        memcpy(place + 4, text, length);
    }
    array->count++;
}

const char *amlaps_pgsql_array_bytes(amlaps_pgsql_array_t *array)
{
    put(array->bytes, 1);
    put(array->bytes + 4, 1);
    put(array->bytes + 8, (apr_uint32_t)array->type);
    put(array->bytes + 12, array->count);
    put(array->bytes + 16, 1);
    return array->bytes;
}
