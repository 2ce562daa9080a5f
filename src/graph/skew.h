/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_GRAPH_SKEW_H
#define AMLAPS_GRAPH_SKEW_H

#include "amlaps/base.h"

/**
 * How far this server's clock is from Microsoft's, as the Date of an answer tells it.
 * @param date header's text or NULL
 * @param now wall clock
 * @return "this server's clock is 12 minutes fast"; NULL where it is right within the five minutes that Entra grants, or not known
 */
const char *amlaps_skew(const char *date, apr_time_t now, apr_pool_t *pool);

#endif
