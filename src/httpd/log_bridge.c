/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "lifecycle.h"

#include <http_log.h>

APLOG_USE_MODULE(amlaps);

static const int levels[] = { APLOG_ERR, APLOG_WARNING, APLOG_NOTICE, APLOG_INFO, APLOG_DEBUG };

static void write_line(void *baton, amlaps_log_level_t level, const char *id, apr_status_t status, const char *message)
{
    ap_log_error(APLOG_MARK, levels[level], amlaps_error_cause(status), (const server_rec *)baton, "%s: %s", id, message);
}

void amlaps_log_bridge(const server_rec *server)
{
    amlaps_log_level_t least = AMLAPS_LOG_DEBUG;

    while (least > AMLAPS_LOG_ERROR && !APLOG_IS_LEVEL(server, levels[least])) {
        least--;
    }
    amlaps_log_limit(least);
    amlaps_log_set(write_line, (void *)(apr_uintptr_t)server);
}
