/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "pgsql.h"

#include <string.h>

#include <apr_hash.h>
#include <apr_strings.h>

/*
 * A round trip for each limit of each record would cost a batch most of its time. So the times that it may need are fetched at its start: of a
 * counter that is touched `times` in the batch, those of the nth newest attempt and of the next ones, as each that is added moves on by one.
 */

typedef struct counter_t {
    const amlaps_touch_t *touch;
    int times;         /* in the batch */
    int added;         /* already */
    apr_time_t newest; /* of those */
    apr_int64_t last;  /* ordinal of the newest before the batch, 0: none */
    struct question_t *question;
    int questions;
} counter_t;

typedef struct question_t {
    counter_t *counter;
    int nth;           /* 0: nothing but the last ordinal */
    apr_time_t *time;  /* `times` of them from the nth newest on; 0: not kept */
} question_t;

struct amlaps_pgsql_foresight_t {
    apr_pool_t *pool;
    apr_hash_t *counters; /* by scope and key */
    question_t **asked;   /* in the order of the arrays */
    int count;
    amlaps_pgsql_array_t array[4];
};

static const char *counter_key(const amlaps_touch_t *touch, apr_pool_t *pool)
{
    return apr_psprintf(pool, "%d:%s", (int)touch->scope, touch->key);
}

static counter_t *find_counter(const amlaps_pgsql_foresight_t *foresight, const amlaps_touch_t *touch)
{
    char key[AMLAPS_LIMIT_KEY + 16];

    apr_snprintf(key, sizeof(key), "%d:%s", (int)touch->scope, touch->key);
    return apr_hash_get(foresight->counters, key, APR_HASH_KEY_STRING);
}

static question_t *find_question(const counter_t *counter, int nth)
{
    int i;

    for (i = 0; i < counter->questions; i++) {
        if (counter->question[i].nth == nth) {
            return &counter->question[i];
        }
    }
    return NULL;
}

static void add_question(counter_t *counter, int nth, apr_pool_t *pool)
{
    question_t *question = &counter->question[counter->questions++];

    question->counter = counter;
    question->nth = nth;
    question->time = apr_pcalloc(pool, (apr_size_t)counter->times * sizeof(apr_time_t));
}

static void add_questions(counter_t *counter, const amlaps_limit_t *limits, apr_size_t limit_count, apr_pool_t *pool)
{
    apr_size_t i;

    counter->question = apr_pcalloc(pool, (limit_count + 1) * sizeof(question_t));
    for (i = 0; i < limit_count; i++) {
        if (limits[i].scope == counter->touch->scope && find_question(counter, limits[i].most) == NULL) {
            add_question(counter, limits[i].most, pool);
        }
    }
    if (counter->questions == 0) {
        add_question(counter, 0, pool);
    }
}

static void ask(amlaps_pgsql_foresight_t *foresight, counter_t *counter)
{
    int i;

    for (i = 0; i < counter->questions; i++) {
        question_t *question = &counter->question[i];

        foresight->asked[foresight->count++] = question;
        amlaps_pgsql_array_add_number(&foresight->array[0], (apr_int64_t)counter->touch->scope);
        amlaps_pgsql_array_add_text(&foresight->array[1], counter->touch->key, AMLAPS_LIMIT_KEY);
        amlaps_pgsql_array_add_number(&foresight->array[2], question->nth);
        amlaps_pgsql_array_add_number(&foresight->array[3], question->nth > 0 ? counter->times : 0);
    }
}

amlaps_pgsql_foresight_t *amlaps_pgsql_foresee(const amlaps_touch_t *const *touches, apr_size_t count, const amlaps_limit_t *limits,
                                               apr_size_t limit_count, apr_pool_t *pool)
{
    amlaps_pgsql_foresight_t *foresight = apr_pcalloc(pool, sizeof(*foresight));
    apr_hash_index_t *index;
    apr_size_t i;

    foresight->pool = pool;
    foresight->counters = apr_hash_make(pool);
    for (i = 0; i < count; i++) {
        counter_t *counter = find_counter(foresight, touches[i]);

        if (counter == NULL) {
            counter = apr_pcalloc(pool, sizeof(*counter));
            counter->touch = touches[i];
            apr_hash_set(foresight->counters, counter_key(touches[i], pool), APR_HASH_KEY_STRING, counter);
        }
        counter->times++;
    }
    foresight->asked = apr_pcalloc(pool, apr_hash_count(foresight->counters) * (limit_count + 1) * sizeof(question_t *));
    for (i = 0; i < 4; i++) {
        amlaps_pgsql_array_init(&foresight->array[i], i == 1 ? AMLAPS_PGSQL_TEXT : AMLAPS_PGSQL_INT8, pool);
    }
    for (index = apr_hash_first(pool, foresight->counters); index != NULL; index = apr_hash_next(index)) {
        counter_t *counter = apr_hash_this_val(index);

        add_questions(counter, limits, limit_count, pool);
        ask(foresight, counter);
    }
    return foresight->count > 0 ? foresight : NULL;
}

amlaps_pgsql_array_t *amlaps_pgsql_foresight_questions(amlaps_pgsql_foresight_t *foresight)
{
    return foresight->array;
}

static void keep_time(question_t *question, apr_int64_t ordinal, apr_time_t time)
{
    apr_int64_t place = ordinal - (question->counter->last - question->nth + 1);

    if (question->nth > 0 && place >= 0 && place < question->counter->times) {
        question->time[place] = time;
    }
}

void amlaps_pgsql_foresight_read(amlaps_pgsql_foresight_t *foresight, const PGresult *result)
{
    int row;

    for (row = 0; row < PQntuples(result); row++) {
        apr_int64_t number = amlaps_pgsql_number(result, row, 0, 0);

        if (number >= 1 && number <= foresight->count) {
            question_t *question = foresight->asked[number - 1];

            question->counter->last = amlaps_pgsql_number(result, row, 1, 0);
            keep_time(question, amlaps_pgsql_number(result, row, 2, 0), amlaps_pgsql_number(result, row, 3, 0) * 1000);
        }
    }
}

void amlaps_pgsql_foresight_add(amlaps_pgsql_foresight_t *foresight, const amlaps_touch_t *touch, apr_time_t time)
{
    counter_t *counter = find_counter(foresight, touch);

    if (counter != NULL) {
        counter->added++;
        counter->newest = time;
    }
}

int amlaps_pgsql_foresight_last(apr_int64_t *ordinal, const amlaps_pgsql_foresight_t *foresight, const amlaps_touch_t *touch)
{
    const counter_t *counter = find_counter(foresight, touch);

    *ordinal = counter != NULL ? counter->last + counter->added : 0;
    return counter != NULL;
}

int amlaps_pgsql_foresight_time(apr_time_t *time, const amlaps_pgsql_foresight_t *foresight, const amlaps_touch_t *touch, apr_int64_t ordinal)
{
    const counter_t *counter = find_counter(foresight, touch);
    int i;

    *time = 0;
    if (counter != NULL && ordinal > counter->last) {
        *time = ordinal <= counter->last + counter->added ? counter->newest : 0;
        return 1;
    }
    for (i = 0; counter != NULL && i < counter->questions; i++) {
        const question_t *question = &counter->question[i];
        apr_int64_t place = ordinal - (counter->last - question->nth + 1);

        if (question->nth > 0 && place >= 0 && place < counter->times) {
            *time = question->time[place];
            return 1;
        }
    }
    return 0;
}
