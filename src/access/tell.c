/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "steps.h"

#include <apr_strings.h>
#include <apr_tables.h>

#define LONGEST apr_time_from_sec(4)
#define LEAST apr_time_from_msec(200)

static apr_status_t tell_one(amlaps_error_t *error, amlaps_record_t *record, const amlaps_access_t *access, const amlaps_channel_t *channel,
                             const char *text, apr_interval_time_t left, apr_pool_t *pool)
{
    amlaps_delivery_t *delivery = apr_pcalloc(pool, sizeof(*delivery));

    if (left >= LEAST) {
        amlaps_notify_deliver(delivery, access->notify, channel, text, left < LONGEST ? left : LONGEST, NULL, pool);
    } else {
        delivery->end = AMLAPS_DELIVERY_LATER;
        apr_cpystrn(delivery->why, "the request has taken too long already", sizeof(delivery->why));
    }
    if (delivery->end == AMLAPS_DELIVERY_DONE) {
        return APR_SUCCESS;
    }
    record->untold = channel->name;
    record->untold_why = delivery->why;
    return amlaps_error_set(error, AMLAPS_NOTIFICATION_FAILED, "AML0515", APR_EGENERAL,
                            "channel %s must confirm before a password is shown, and did not: %s", channel->name, delivery->why);
}

void amlaps_access_set_channels(amlaps_record_t *record, const amlaps_access_t *access, const amlaps_rule_t *rule, apr_pool_t *pool)
{
    static const amlaps_tell_t nobody;
    amlaps_tell_t tell;

    if (access->notify == NULL) {
        return;
    }
    amlaps_tell_join(&tell, access->tell, rule ? amlaps_rule_tell(rule) : &nobody, pool);
    record->on_success = tell.on_success;
    record->on_failure = tell.on_failure;
}

apr_status_t amlaps_access_tell(amlaps_error_t *error, const amlaps_access_t *access, amlaps_record_t *record, apr_time_t deadline,
                                apr_pool_t *pool)
{
    const char *const *name = record->on_success;
    apr_array_header_t *others, *told;
    const char *text = NULL;
    apr_status_t status = APR_SUCCESS;

    if (name == NULL) {
        return APR_SUCCESS;
    }
    others = apr_array_make(pool, 4, sizeof(const char *));
    told = apr_array_make(pool, 2, sizeof(const char *));
    for (; *name != NULL && status == APR_SUCCESS; name++) {
        const amlaps_channel_t *channel = amlaps_notify_find(access->notify, *name);

        if (channel == NULL || !channel->required) {
            APR_ARRAY_PUSH(others, const char *) = *name;
            continue;
        }
        text = text != NULL ? text : amlaps_trail_foretell(record, amlaps_clock_wall(access->clock), pool);
        status = tell_one(error, record, access, channel, text, deadline - amlaps_clock_steady(access->clock), pool);
        if (status == APR_SUCCESS) {
            APR_ARRAY_PUSH(told, const char *) = *name;
        }
    }
    APR_ARRAY_PUSH(others, const char *) = NULL;
    APR_ARRAY_PUSH(told, const char *) = NULL;
    record->on_success = (const char *const *)others->elts;
    record->told = (const char *const *)told->elts;
    return status;
}
