/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "steps.h"

#include <stdlib.h>
#include <string.h>

#include "amlaps/text.h"

typedef struct collector_t {
    amlaps_findings_t findings;
    amlaps_search_result_t *result;
    int most; /* found when this tenant has given its share: as many as an answer takes, and one more that tells of others */
    int hidden; /* a device of this tenant is not shown, and what the rules need to know of it could not be found out */
} collector_t;

/* Pages are of one moment each: a device that changes meanwhile can stand on two. */
static int is_found(const apr_array_header_t *found, const amlaps_graph_device_t *device)
{
    int i;

    for (i = 0; i < found->nelts; i++) {
        const amlaps_graph_device_t *other = APR_ARRAY_IDX(found, i, amlaps_found_t).device;

        if (!strcmp(other->device_id, device->device_id) && !strcmp(other->tenant, device->tenant)) {
            return 1;
        }
    }
    return 0;
}

static void add_found(collector_t *collector, const amlaps_graph_device_t *facts, const amlaps_device_t *device)
{
    amlaps_found_t *found;
    ruling_t ruling;
    int password, history;

    if (is_found(collector->result->found, facts)) {
        return;
    }
    amlaps_access_decide(&ruling, &collector->findings, device);
    password = ruling.password.verdict == AMLAPS_ALLOW;
    history = ruling.history.verdict == AMLAPS_ALLOW;
    if (password || history) {
        found = apr_array_push(collector->result->found);
        found->device = facts;
        found->password = password ? ruling.password.rule : NULL;
        found->history = history ? ruling.history.rule : NULL;
    }
    else if (collector->findings.gap.code && amlaps_findings_unmet(&collector->findings, device)) {
        collector->hidden = 1;
    }
}

/* As many at a time as an answer can take: their look-ups and the person's fit into three requests of twenty parts, and where all of
 * them are found nobody waits for those behind. */
#define SLICE (AMLAPS_SEARCH_MOST + 1)

static int collect(void *baton, const amlaps_graph_device_t *const *page, apr_size_t count)
{
    collector_t *collector = baton;
    amlaps_device_t devices[SLICE];
    apr_size_t done, i;

    for (done = 0; done < count && collector->result->found->nelts < collector->most; done += SLICE) {
        apr_size_t size = count - done < SLICE ? count - done : SLICE;

        for (i = 0; i < size; i++) {
            amlaps_access_describe(&devices[i], page[done + i]);
        }
        amlaps_findings_complete(&collector->findings, devices, size);
        for (i = 0; i < size; i++) {
            add_found(collector, page[done + i], &devices[i]);
        }
    }
    return collector->result->found->nelts < collector->most;
}

typedef struct keyed_t {
    const char *name; /* folded once, not at every comparison */
    amlaps_found_t found;
} keyed_t;

static int by_name(const void *left, const void *right)
{
    const keyed_t *a = left, *b = right;
    int order = strcmp(a->name, b->name);

    if (order) {
        return order;
    }
    if (a->found.device->last_seen != b->found.device->last_seen) {
        return a->found.device->last_seen > b->found.device->last_seen ? -1 : 1;
    }
    return strcmp(a->found.device->device_id, b->found.device->device_id);
}

static void sort(apr_array_header_t *found, apr_pool_t *pool)
{
    size_t count = (size_t)found->nelts, i;
    keyed_t *keyed = apr_palloc(pool, (count ? count : 1) * sizeof(*keyed));

    for (i = 0; i < count; i++) {
        keyed[i].found = APR_ARRAY_IDX(found, i, amlaps_found_t);
        keyed[i].name = amlaps_text_fold(keyed[i].found.device->name ? keyed[i].found.device->name : "", pool);
    }
    qsort(keyed, count, sizeof(*keyed), by_name);
    for (i = 0; i < count; i++) {
        APR_ARRAY_IDX(found, i, amlaps_found_t) = keyed[i].found;
    }
}

/* A tenant that does not answer must leave the others time to. */
#define SHARE_LEAST apr_time_from_sec(2)

/* Those that were in trouble when last asked come last. @param tenants has room for twice as many. @return how many there are */
static apr_size_t order(const char **tenants, const amlaps_access_t *access, const char *tenant)
{
    const char **late = tenants + access->tenant_count;
    apr_size_t count = 0, late_count = 0, i;

    for (i = 0; i < access->tenant_count; i++) {
        if (tenant && strcmp(tenant, access->tenants[i])) {
            continue;
        }
        if (amlaps_graph_is_ailing(access->graph, access->tenants[i])) {
            late[late_count++] = access->tenants[i];
        } else {
            tenants[count++] = access->tenants[i];
        }
    }
    memmove(tenants + count, late, late_count * sizeof(*late));
    return count + late_count;
}

static apr_time_t share_of(apr_time_t deadline, apr_time_t now, apr_size_t tenants)
{
    const apr_interval_time_t share = deadline > now ? (deadline - now) / (apr_interval_time_t)tenants : 0;
    const apr_time_t until = now + (share > SHARE_LEAST ? share : SHARE_LEAST);

    return until < deadline ? until : deadline;
}

static void add_gap(collector_t *collector, const char *tenant, amlaps_code_t code)
{
    amlaps_search_gap_t *gap = apr_array_push(collector->result->gaps);

    gap->tenant = tenant;
    gap->code = code;
}

/*
 * A tenant that was searched, and where devices may be missing: nobody shall take "none found" for what could not be found out. Whether there are
 * such devices does not show where the person's groups are what is missing.
 */
static void tell_hidden(collector_t *collector, const char *tenant)
{
    const amlaps_findings_t *findings = &collector->findings;

    if (amlaps_findings_complete_alike(&collector->findings, tenant, NULL) || collector->hidden) {
        add_gap(collector, tenant, findings->gap.code);
        amlaps_log(AMLAPS_LOG_WARNING, findings->gap.id, findings->gap.status, "%s [id %s]", findings->gap.detail, findings->asker->id);
    }
}

/* One broken tenant does not hurt the others: it is named as a gap, and an error only where nothing could be searched. */
static apr_status_t search_tenants(collector_t *collector, amlaps_error_t *error, const char *tenant, const char *text)
{
    const amlaps_access_t *access = collector->findings.access;
    const char **tenants = apr_palloc(collector->findings.pool, (2 * access->tenant_count) * sizeof(*tenants));
    const apr_time_t deadline = amlaps_graph_deadline(access->graph);
    apr_size_t count = order(tenants, access, tenant), i, searched = 0;

    for (i = 0; i < count; i++) {
        const amlaps_error_t earlier = collector->findings.gap;
        amlaps_error_t trouble = { 0 };
        int complete = 0;
        apr_status_t status;

        memset(&collector->findings.gap, 0, sizeof(collector->findings.gap));
        collector->hidden = 0;
        collector->findings.call->deadline = share_of(deadline, amlaps_clock_steady(access->clock), count - i);
        collector->most = collector->result->found->nelts + AMLAPS_SEARCH_MOST + 1;
        status = amlaps_graph_search(&complete, &trouble, access->graph, collector->findings.call, tenants[i], text, collect, collector,
                                     collector->findings.pool);
        if (!collector->findings.gap.code) {
            collector->findings.gap = earlier;
        }
        if (status == APR_SUCCESS) {
            searched++;
            collector->result->more |= !complete;
            tell_hidden(collector, tenants[i]);
        } else {
            add_gap(collector, tenants[i], trouble.code);
            if (!error->code) {
                *error = trouble;
            }
        }
    }
    return searched ? APR_SUCCESS : error->status;
}

apr_status_t amlaps_access_search(amlaps_search_result_t **result, amlaps_error_t *error, const amlaps_access_t *access,
                                  const amlaps_asker_t *asker, const char *tenant, const char *text, apr_pool_t *pool)
{
    amlaps_call_t call = { .client_request_id = asker->id };
    collector_t collector;
    amlaps_error_t trail = { 0 };
    amlaps_record_t record;
    apr_status_t status;

    *result = NULL;
    amlaps_access_begin(&record, AMLAPS_EVENT_SEARCH, asker);
    record.tenant = tenant;
    record.search = text;
    if (amlaps_trail_admit(error, access->trail, &record, pool) != APR_SUCCESS) {
        return error->status;
    }
    amlaps_findings_begin(&collector.findings, access, asker, &call, AMLAPS_PERMISSION_ALL, pool);
    collector.result = apr_pcalloc(pool, sizeof(*collector.result));
    collector.result->found = apr_array_make(pool, AMLAPS_SEARCH_MOST, sizeof(amlaps_found_t));
    collector.result->gaps = apr_array_make(pool, 1, sizeof(amlaps_search_gap_t));
    status = search_tenants(&collector, error, tenant, text);

    amlaps_access_note_call(&record, &call);
    record.stage = AMLAPS_STAGE_OUTCOME;
    record.outcome = status == APR_SUCCESS ? AMLAPS_OUTCOME_GRANTED : AMLAPS_OUTCOME_FAILED;
    record.code = amlaps_code_word(status == APR_SUCCESS ? AMLAPS_OK : error->code);
    if (amlaps_trail_conclude(&trail, access->trail, &record, pool) != APR_SUCCESS && status == APR_SUCCESS) {
        *error = trail;
        return error->status;
    }
    if (status != APR_SUCCESS) {
        return status;
    }
    memset(error, 0, sizeof(*error));
    sort(collector.result->found, pool);
    if (collector.result->found->nelts > AMLAPS_SEARCH_MOST) {
        collector.result->found->nelts = AMLAPS_SEARCH_MOST;
        collector.result->more = 1;
    }
    *result = collector.result;
    return APR_SUCCESS;
}
