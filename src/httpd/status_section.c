/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "counts.h"

#include <mod_status.h>

/* Our part of mod_status: lines of KEY: VALUE with ?auto, else a table. */

typedef struct line_t {
    const char *key, *text;
    apr_uint64_t value;
} line_t;

static apr_uint64_t sum(const amlaps_counts_t *counts)
{
    apr_uint64_t all = 0;
    int endpoint, code;

    for (endpoint = 0; endpoint < AMLAPS_ENDPOINTS; endpoint++) {
        for (code = 0; code < AMLAPS_CODES; code++) {
            all += amlaps_count_read(&counts->requests[endpoint][code]);
        }
    }
    return all;
}

int amlaps_httpd_status(request_rec *r, int flags)
{
    const amlaps_counts_t *counts = amlaps_counts();
    amlaps_reveals_t current, older;
    amlaps_deliveries_t deliveries;
    amlaps_trail_counts_t trail;
    apr_uint64_t asked = 0;
    size_t i;

    if (!counts) {
        return OK;
    }
    current = amlaps_counts_reveals(counts, AMLAPS_ENDPOINT_PASSWORD);
    older = amlaps_counts_reveals(counts, AMLAPS_ENDPOINT_HISTORY);
    trail = amlaps_lifecycle_trail_counts();
    deliveries = amlaps_counts_deliveries();
    for (i = 0; i < AMLAPS_ANSWERS; i++) {
        asked += amlaps_count_read(&counts->graph.answers[i]);
    }
    const line_t lines[] = {
        { "AmlapsRequestsTotal", "Requests", sum(counts) },
        { "AmlapsRevealsTotal", "Passwords shown", current.granted + older.granted },
        { "AmlapsRevealsDenied", "Requests for passwords denied", current.denied + older.denied },
        { "AmlapsRevealsFailed", "Requests for passwords failed", current.failed + older.failed },
        { "AmlapsGraphRequestsTotal", "Requests to Graph", asked },
        { "AmlapsGraphUnanswered", "Requests to Graph without an answer", amlaps_count_read(&counts->graph.answers[AMLAPS_ANSWER_NONE]) },
        { "AmlapsGraphInflight", "Connections to Graph in use", (apr_uint64_t)amlaps_counts_asking(counts) },
        { "AmlapsAuditRecordsTotal", "Audit records written", trail.records },
        { "AmlapsAuditWriteFailuresTotal", "Audit records not written", trail.failures },
        { "AmlapsNotificationsDelivered", "Notifications delivered", deliveries.delivered },
        { "AmlapsNotificationsFailed", "Attempts to notify that failed", deliveries.failed },
    };

    if (!(flags & AP_STATUS_SHORT)) {
        ap_rputs("<hr />\n<h2>mod_amlaps</h2>\n<table border=\"0\">\n", r);
    }
    for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        ap_rprintf(r, flags & AP_STATUS_SHORT ? "%s: %" APR_UINT64_T_FMT "\n" : "<tr><td>%s</td><td>%" APR_UINT64_T_FMT "</td></tr>\n",
                   flags & AP_STATUS_SHORT ? lines[i].key : lines[i].text, lines[i].value);
    }
    if (!(flags & AP_STATUS_SHORT)) {
        ap_rputs("</table>\n", r);
    }
    return OK;
}
