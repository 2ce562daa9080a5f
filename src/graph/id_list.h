/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_GRAPH_ID_LIST_H
#define AMLAPS_GRAPH_ID_LIST_H

#include "amlaps/graph.h"
#include "amlaps/json.h"

/**
 * A list of object ids out of an answer.
 * @param values the array; @param member names the id's text in each entry, NULL: the entry is the text
 * @return in `pool`, in lower case; NULL where any of it is not understood: an id that is not seen could be one that a rule denies
 */
const amlaps_ids_t *amlaps_id_list_read(const amlaps_json_t *values, const char *member, apr_pool_t *pool);

#endif
