/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TEST_DECIDE_CASE_H
#define AMLAPS_TEST_DECIDE_CASE_H

#include "amlaps/json.h"

/** @return what is to be printed for the line; any thread, a pool for each */
amlaps_json_t *decide_case(const char *line, apr_size_t length, apr_pool_t *pool);

#endif
