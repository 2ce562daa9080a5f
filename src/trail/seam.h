/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TRAIL_SEAM_H
#define AMLAPS_TRAIL_SEAM_H

#include "check.h"

/**
 * Where the first record of the store is not record 1, looks for the record that tells of the export of those before it. That record is
 * checked itself when its turn comes.
 */
apr_status_t amlaps_seam_find(amlaps_check_t *check, const char *store, amlaps_error_t *error, apr_pool_t *pool);

#endif
