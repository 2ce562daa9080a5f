/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_GRAPH_STANDING_H
#define AMLAPS_GRAPH_STANDING_H

/*
 * How each tenant stands, in memory that the children of one generation share: what status, health and metrics tell, and what no
 * child should find out for itself (that Graph wants silence, that something was logged already). Any thread; each call is a copy
 * under the row's mutex.
 */

#include "amlaps/graph.h"
#include "token_claims.h"

/** What is known of one tenant. */
typedef struct amlaps_row_t amlaps_row_t;

amlaps_row_t *amlaps_standing_row(amlaps_graph_shared_t *shared, apr_size_t index);

/** Some child has a new token that was asked for at `issued` (steady clock) and lives for `life`. */
void amlaps_standing_token(amlaps_row_t *row, apr_time_t issued, apr_interval_time_t life);

/**
 * The login gave none.
 * @param needed 1 where somebody waited for it, 0 where it was a renewal and the old one still works
 * @param until when the login may be asked again (steady clock); where it wanted longer silence before, that stays, with its fault
 */
void amlaps_standing_no_token(amlaps_row_t *row, const amlaps_fault_t *fault, int needed, apr_time_t until);

/** @return 1 where no child has logged such a fault of the login within ten minutes, or another one since; then the caller does */
int amlaps_standing_is_news(amlaps_row_t *row, const amlaps_fault_t *fault);

/** Makes of how long the login wanted to be left alone what is left of it. */
void amlaps_standing_rest(amlaps_fault_t *fault, apr_time_t until, apr_time_t now);

/** @return 1 and the fault where some child was refused so lately that no other should ask the login */
int amlaps_standing_refused(amlaps_fault_t *fault, amlaps_row_t *row, apr_time_t now);

/** Graph has answered, whatever it was. `took` is the time that this took. */
void amlaps_standing_answer(amlaps_row_t *row, apr_time_t now, apr_interval_time_t took, int status, const char *request_id);

/** A request to Graph came to nothing. */
void amlaps_standing_fault(amlaps_row_t *row, const amlaps_fault_t *fault);

/** Graph wants silence for `wait`; what it asked for before stays where that is longer. */
void amlaps_standing_block(amlaps_row_t *row, apr_time_t now, apr_interval_time_t wait);
/** @return how long that still lasts, 0: not */
apr_interval_time_t amlaps_standing_blocked(amlaps_row_t *row, apr_time_t now);

/** Keeps what a token says of permissions. @return 1 where no child has told this yet */
int amlaps_standing_permissions(amlaps_row_t *row, const amlaps_token_claims_t *claims);

/** What is known of a permission from the last token that could be read. */
typedef enum amlaps_grant_t {
    AMLAPS_GRANT_UNKNOWN,
    AMLAPS_GRANT_NONE, /* the app has no permission at all: nobody has consented */
    AMLAPS_GRANT_LACKING,
    AMLAPS_GRANT_THERE
} amlaps_grant_t;
amlaps_grant_t amlaps_standing_grant(amlaps_row_t *row, const char *permission);

/**
 * Keeps when the credential ends; both times on the wall clock, 0: it does not, or nobody knows.
 * @return 1 where 30, 7, 1 or 0 days are left and no child has told this yet
 */
int amlaps_standing_expiry(amlaps_row_t *row, apr_time_t expires, apr_time_t now);

/** @return 1 where what is known of the credential's end has become such news by the passing of time */
int amlaps_standing_expiry_is_near(amlaps_row_t *row, apr_time_t now);

/** @return 1 where the caller is the child that has to try the login now: no usable token is known, and none tried for a while */
int amlaps_standing_claim(amlaps_row_t *row, apr_time_t now);

#endif
