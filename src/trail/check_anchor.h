/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TRAIL_CHECK_ANCHOR_H
#define AMLAPS_TRAIL_CHECK_ANCHOR_H

/*
 * A copy that AMLapsAuditLog wrote, read beside the records: what it says of a record must be so. It may begin anywhere, lack records, repeat
 * the last ones after a restart, and have something before the JSON of each line, as syslog writes it.
 */

#include "amlaps/trail.h"

typedef struct amlaps_check_anchor_t amlaps_check_anchor_t;

/** Opens the copy and remembers its end, so that what httpd adds while the records are read counts for nothing. */
apr_status_t amlaps_check_anchor_open(amlaps_check_anchor_t **check, const char *path, amlaps_error_t *error, apr_pool_t *pool);

/** Compares with the record that follows. @param anchor its seal, may be NULL @return NULL, or what is wrong */
const char *amlaps_check_anchor_record(amlaps_check_anchor_t *check, apr_int64_t seq, const char *hash, const char *anchor);

/** @return 1 where the copy knows of records after `seq`, or goes back to other ones; then `problem` says what is wrong with record `bad` */
int amlaps_check_anchor_more(const char **problem, apr_int64_t *bad, amlaps_check_anchor_t *check, apr_int64_t seq);

/** @return the last record that was compared, 0: none */
apr_int64_t amlaps_check_anchor_last(const amlaps_check_anchor_t *check);

#endif
