/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "steps.h"

/* After a start nothing is known for the moment that the first token takes; an answer then would only be a false alarm. */
#define PATIENCE apr_time_from_msec(500)

void amlaps_access_health(amlaps_status_t *status, const amlaps_access_t *access, apr_pool_t *pool)
{
    amlaps_standing_t *tenants = apr_palloc(pool, (access->tenant_count + 1) * sizeof(*tenants));
    apr_size_t i;

    amlaps_graph_probe(access->graph, PATIENCE);
    for (i = 0; i < access->tenant_count; i++) {
        amlaps_graph_standing(&tenants[i], access->graph, access->tenants[i]);
    }
    status->tenants = tenants;
    status->store = amlaps_trail_probe(access->trail);
    status->seal = amlaps_trail_seal_standing(access->trail);
    status->channels = NULL;
}

/* @param deadline steady clock: when the store must be done with the last of them */
static const amlaps_channel_standing_t *stand_of_channels(const amlaps_access_t *access, apr_time_t deadline, apr_pool_t *pool)
{
    amlaps_channel_standing_t *channels = apr_pcalloc(pool, (access->channel_count + 1) * sizeof(*channels));
    amlaps_error_t error = { 0 };
    apr_size_t i;

    for (i = 0; i < access->channel_count; i++) {
        if (amlaps_clock_steady(access->clock) > deadline - AMLAPS_TIME_TO_RECORD ||
            amlaps_trail_channel(&channels[i], &error, access->trail, access->channels[i]->name, pool) != APR_SUCCESS) {
            return NULL;
        }
    }
    return channels;
}

apr_status_t amlaps_access_status(amlaps_status_t *status, amlaps_error_t *error, const amlaps_access_t *access,
                                  const amlaps_asker_t *asker, apr_pool_t *pool)
{
    const apr_time_t deadline = amlaps_clock_steady(access->clock) + AMLAPS_WHOLE_INTERACTION;

    /* The store is asked twice: whether it takes records, and how the channels stand. */
    if (amlaps_access_require_role(error, access, asker, AMLAPS_ROLE_OPERATOR,
                                   amlaps_access_deadline(access, PATIENCE + 2 * AMLAPS_TIME_TO_RECORD), pool) != APR_SUCCESS) {
        return error->status;
    }
    amlaps_access_health(status, access, pool);
    status->channels = stand_of_channels(access, deadline, pool);
    return APR_SUCCESS;
}
