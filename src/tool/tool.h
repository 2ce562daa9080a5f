/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TOOL_H
#define AMLAPS_TOOL_H

/* The commands of amlaps-audit. Each returns the exit code. */

#include "amlaps/sealing.h"

/* Exit codes, named in the usage text. */
enum { AMLAPS_TOOL_GOOD = 0, AMLAPS_TOOL_BAD = 1, AMLAPS_TOOL_USAGE = 2, AMLAPS_TOOL_UNREADABLE = 3 };

typedef struct amlaps_tool_options_t { /* NULL where not given */
    const char *after, *anchor, *before, *format, *key, *state;
} amlaps_tool_options_t;

int amlaps_tool_init(const char *state, const char *store, apr_pool_t *pool);
int amlaps_tool_recover(const char *state, const char *store, apr_pool_t *pool);
int amlaps_tool_verify(const char *target, const amlaps_tool_options_t *options, apr_pool_t *pool);
int amlaps_tool_export(const char *store, const amlaps_tool_options_t *options, apr_pool_t *pool);

/** Says what was misunderstood, and how to use it. @return AMLAPS_TOOL_USAGE */
int amlaps_tool_misuse(const char *what, const char *which);
/** @return AMLAPS_TOOL_UNREADABLE */
int amlaps_tool_failed(const amlaps_error_t *error);
/** Standard output must have taken all. @return `code`, or AMLAPS_TOOL_UNREADABLE where it did not */
int amlaps_tool_flush(int code);

/**
 * Refuses what AMLapsStore would refuse, before anything is done: a connection that others could forge, and what is neither file nor database.
 * @param is_new 1: a file that is not there yet will be made @return AMLAPS_TOOL_GOOD, or the exit code after it said what to write instead
 */
int amlaps_tool_check_store(const char *argument, int is_new, apr_pool_t *pool);
/** Refuses a store where the state belongs: it would be written over. @return AMLAPS_TOOL_GOOD, or the exit code after it said so */
int amlaps_tool_check_state(const char *state, apr_pool_t *pool);
/** The store's name as the library wants it; NULL where the argument is a file of JSON lines. */
const char *amlaps_tool_store(const char *argument, apr_pool_t *pool);
/** Says why what amlaps_tool_store did not know is none: it may not be there, or be somebody else's. @return AMLAPS_TOOL_UNREADABLE */
int amlaps_tool_no_store(const char *argument);
/** The same for a store that may have to be made. */
const char *amlaps_tool_new_store(const char *argument, apr_pool_t *pool);

/** A full path, as the library wants it, of a file that may have to be made. */
const char *amlaps_tool_path(const char *argument, apr_pool_t *pool);

/** From here on neither ^C nor the end of who reads the output ends the program half-way: it goes through, or says why not and takes back what it did. */
void amlaps_tool_go_through(void);

/** Who runs this, for the audit. */
const char *amlaps_tool_who(apr_pool_t *pool);

/**
 * Reads verification keys, one a line; empty lines and those that begin with # are passed over.
 * @param where file:PATH or PATH, or - for standard input, which asks without echo where it is a terminal. Never a key itself
 * @return AMLAPS_TOOL_GOOD, or the exit code after it said why not
 */
int amlaps_tool_read_keys(amlaps_keys_t **keys, const char *where, apr_pool_t *pool);

#endif
