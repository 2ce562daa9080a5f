/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "counts.h"
#include "lifecycle.h"
#include "request.h"

#include <apr_strings.h>

/*
 * Prometheus' text format 0.0.4. Labels are words of this module and names of tenants and channels; never a person or a device, which would also make
 * their number grow without end.
 */

typedef struct exposition_t {
    request_rec *r;
    const amlaps_counts_t *counts;
} exposition_t;

static void family(const exposition_t *out, const char *name, const char *type, const char *help)
{
    ap_rvputs(out->r, "# HELP ", name, " ", help, "\n# TYPE ", name, " ", type, "\n", NULL);
}

/* Label values may hold anything but these three. */
static const char *escape(const char *value, apr_pool_t *pool)
{
    char *text = apr_palloc(pool, 2 * strlen(value) + 1), *end = text;

    for (; *value; value++) {
        if (*value == '\n' || *value == '"' || *value == '\\') {
            *end++ = '\\';
        }
        *end++ = *value == '\n' ? 'n' : *value;
    }
    *end = '\0';
    return text;
}

static void one(const exposition_t *out, const char *name, const char *type, const char *help, apr_uint64_t value)
{
    family(out, name, type, help);
    ap_rprintf(out->r, "%s %" APR_UINT64_T_FMT "\n", name, value);
}

static void histogram(const exposition_t *out, const char *name, const char *label, const amlaps_histogram_t *histogram)
{
    apr_uint64_t count = 0, all = amlaps_count_read(&histogram->microseconds);
    const char *comma = *label ? "," : "", *open = *label ? "{" : "", *close = *label ? "}" : "";
    int i;

    for (i = 0; i <= AMLAPS_HISTOGRAM_BOUNDS; i++) {
        count += amlaps_count_read(&histogram->bucket[i]);
        ap_rprintf(out->r, "%s_bucket{%s%sle=\"%s\"} %" APR_UINT64_T_FMT "\n", name, label, comma,
                   i < AMLAPS_HISTOGRAM_BOUNDS ? amlaps_histogram_bound(i) : "+Inf", count);
    }
    ap_rprintf(out->r, "%s_sum%s%s%s %" APR_UINT64_T_FMT ".%06d\n", name, open, label, close, all / 1000000, (int)(all % 1000000));
    ap_rprintf(out->r, "%s_count%s%s%s %" APR_UINT64_T_FMT "\n", name, open, label, close, count);
}

static void requests(const exposition_t *out)
{
    static const char total[] = "amlaps_api_requests_total", took[] = "amlaps_api_request_duration_seconds";
    int endpoint, code;

    family(out, total, "counter", "Requests by what was asked for and the code of the answer (ok: it was given).");
    for (endpoint = 0; endpoint < AMLAPS_ENDPOINTS; endpoint++) {
        for (code = 0; code < AMLAPS_CODES; code++) {
            apr_uint64_t count = amlaps_count_read(&out->counts->requests[endpoint][code]);

            /* The good ones always, so that a rate has a beginning; of the others those that there are. */
            if (count || code == AMLAPS_OK) {
                ap_rprintf(out->r, "%s{endpoint=\"%s\",outcome=\"%s\"} %" APR_UINT64_T_FMT "\n", total,
                           amlaps_endpoint_word((amlaps_endpoint_t)endpoint), amlaps_code_word((amlaps_code_t)code), count);
            }
        }
    }
    family(out, took, "histogram", "Time from the request to its answer, waiting for Graph and the store included.");
    for (endpoint = 0; endpoint < AMLAPS_ENDPOINTS; endpoint++) {
        histogram(out, took, apr_psprintf(out->r->pool, "endpoint=\"%s\"", amlaps_endpoint_word((amlaps_endpoint_t)endpoint)),
                  &out->counts->took[endpoint]);
    }
}

static void reveals(const exposition_t *out)
{
    static const char name[] = "amlaps_reveals_total";
    static const amlaps_endpoint_t endpoints[] = { AMLAPS_ENDPOINT_PASSWORD, AMLAPS_ENDPOINT_HISTORY };
    size_t i;

    family(out, name, "counter", "Requests for passwords, by event and outcome of the audit.");
    for (i = 0; i < sizeof(endpoints) / sizeof(endpoints[0]); i++) {
        const amlaps_reveals_t reveals = amlaps_counts_reveals(out->counts, endpoints[i]);
        const struct {
            const char *outcome;
            apr_uint64_t count;
        } rows[] = { { "granted", reveals.granted }, { "denied", reveals.denied }, { "failed", reveals.failed } };
        size_t j;

        for (j = 0; j < sizeof(rows) / sizeof(rows[0]); j++) {
            ap_rprintf(out->r, "%s{event=\"%s\",outcome=\"%s\"} %" APR_UINT64_T_FMT "\n", name, amlaps_endpoint_word(endpoints[i]),
                       rows[j].outcome, rows[j].count);
        }
    }
}

static void graph(const exposition_t *out)
{
    static const char total[] = "amlaps_graph_requests_total", took[] = "amlaps_graph_request_duration_seconds";
    static const char *const classes[AMLAPS_ANSWERS] = {
        [AMLAPS_ANSWER_NONE] = "none", [AMLAPS_ANSWER_GOOD] = "2xx", [AMLAPS_ANSWER_REFUSED] = "4xx", [AMLAPS_ANSWER_THROTTLED] = "429",
        [AMLAPS_ANSWER_FAILED] = "5xx",
    };
    int i;

    family(out, total, "counter", "Requests to Graph by the status of the answer; none: no answer in time.");
    for (i = 0; i < AMLAPS_ANSWERS; i++) {
        ap_rprintf(out->r, "%s{code=\"%s\"} %" APR_UINT64_T_FMT "\n", total, classes[i], amlaps_count_read(&out->counts->graph.answers[i]));
    }
    family(out, took, "histogram", "Time of one request to Graph, of those that were answered and those that were not.");
    histogram(out, took, "", &out->counts->graph.took);
    one(out, "amlaps_graph_inflight", "gauge", "Connections to Graph that are in use now.", (apr_uint64_t)amlaps_counts_asking(out->counts));
    one(out, "amlaps_graph_connections_max", "gauge", "Connections to Graph that one child may have (AMLapsGraphConnections).",
        (apr_uint64_t)amlaps_config_graph_connections(amlaps_config_of(out->r->server)));
}

static void trail(const exposition_t *out)
{
    const amlaps_trail_counts_t counts = amlaps_lifecycle_trail_counts();

    one(out, "amlaps_audit_records_total", "counter", "Records that were written to the store and the required copies.", counts.records);
    one(out, "amlaps_audit_write_failures_total", "counter", "Records that the store or a required copy did not take; nothing was shown.",
        counts.failures);
}

/* What waits is known from who delivers: here nothing is asked of the store, so that anybody may scrape as often as they like. */
static void channels(const exposition_t *out, const amlaps_access_t *access)
{
    static const char attempts[] = "amlaps_notification_attempts_total", queued[] = "amlaps_notifications_queued", dead[] = "amlaps_notifications_dead";
    const amlaps_channel_t *const *all = access->channels;
    apr_pool_t *pool = out->r->pool;
    apr_size_t i;

    if (!access->channel_count) {
        return;
    }
    family(out, attempts, "counter", "Attempts to deliver a notification, by channel and how they ended.");
    for (i = 0; i < access->channel_count; i++) {
        const char *name = escape(all[i]->name, pool);

        ap_rprintf(out->r, "%s{channel=\"%s\",outcome=\"delivered\"} %" APR_UINT64_T_FMT "\n%s{channel=\"%s\",outcome=\"failed\"} %" APR_UINT64_T_FMT "\n",
                   attempts, name, amlaps_count_read(&all[i]->meter->delivered), attempts, name, amlaps_count_read(&all[i]->meter->failed));
    }
    family(out, queued, "gauge", "Notifications that wait, as this server's store had them when it was last asked.");
    for (i = 0; i < access->channel_count; i++) {
        if (access->queues[i] && atomic_load(&access->queues[i]->asked)) {
            ap_rprintf(out->r, "%s{channel=\"%s\"} %" APR_INT64_T_FMT "\n", queued, escape(all[i]->name, pool), atomic_load(&access->queues[i]->queued));
        }
    }
    family(out, dead, "gauge", "Notifications that were given up and are kept, as this server's store had them when it was last asked.");
    for (i = 0; i < access->channel_count; i++) {
        if (access->queues[i] && atomic_load(&access->queues[i]->asked)) {
            ap_rprintf(out->r, "%s{channel=\"%s\"} %" APR_INT64_T_FMT "\n", dead, escape(all[i]->name, pool), atomic_load(&access->queues[i]->dead));
        }
    }
}

static void time_of(const exposition_t *out, const char *name, const char *tenant, apr_time_t time)
{
    ap_rprintf(out->r, "%s{tenant=\"%s\"} %" APR_INT64_T_FMT "\n", name, escape(tenant, out->r->pool), apr_time_sec(time));
}

static void tenants(const exposition_t *out, const amlaps_access_t *access)
{
    static const char token[] = "amlaps_token_expiry_timestamp_seconds", credential[] = "amlaps_credential_expiry_timestamp_seconds";
    static const char usable[] = "amlaps_token_usable";
    amlaps_status_t status;
    apr_size_t i;

    amlaps_access_health(&status, access, out->r->pool);
    one(out, "amlaps_audit_up", "gauge", "1 while the last record of the process that answers was written.", (apr_uint64_t)(status.store != 0));
    family(out, usable, "gauge", "1 while a token is known that can be used.");
    for (i = 0; i < access->tenant_count; i++) {
        ap_rprintf(out->r, "%s{tenant=\"%s\"} %d\n", usable, escape(access->tenants[i], out->r->pool),
                   status.tenants[i].token == AMLAPS_TOKEN_USABLE);
    }
    family(out, token, "gauge", "When the newest token ends; only where there is one.");
    for (i = 0; i < access->tenant_count; i++) {
        if (status.tenants[i].token_expires) {
            time_of(out, token, access->tenants[i], status.tenants[i].token_expires);
        }
    }
    family(out, credential, "gauge", "When the tenant's credential ends; only where that is known.");
    for (i = 0; i < access->tenant_count; i++) {
        if (status.tenants[i].credential_expires) {
            time_of(out, credential, access->tenants[i], status.tenants[i].credential_expires);
        }
    }
    one(out, "amlaps_rules", "gauge", "Rules of this server.", amlaps_policy_count(access->policy));
}

int amlaps_metrics_serve(request_rec *r)
{
    const amlaps_access_t *access = amlaps_lifecycle_access(r->server);
    const exposition_t out = { r, amlaps_counts() };

    ap_set_content_type(r, "text/plain; version=0.0.4; charset=utf-8");
    family(&out, "amlaps_build_info", "gauge", "The version of mod_amlaps; always 1.");
    ap_rputs("amlaps_build_info{version=\"" AMLAPS_VERSION "\"} 1\n", r);
    if (out.counts) {
        requests(&out);
        reveals(&out);
        graph(&out);
        trail(&out);
        one(&out, "amlaps_config_last_reload_timestamp_seconds", "gauge", "When the configuration was read last.",
            (apr_uint64_t)atomic_load(&out.counts->configured));
    }
    if (access) {
        tenants(&out, access);
        channels(&out, access);
    }
    return OK;
}
