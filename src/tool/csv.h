/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TOOL_CSV_H
#define AMLAPS_TOOL_CSV_H

/* Records as CSV (RFC 4180) that a spreadsheet may open: no cell of it can become a formula. */

#include <stdio.h>

#include "amlaps/json.h"

/** @return 1, or 0 where the file could not be written */
int amlaps_csv_head(FILE *file);

/** @param pool cleared here */
int amlaps_csv_row(FILE *file, apr_int64_t seq, const char *json, apr_pool_t *pool);

#endif
