/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_HTTPD_AUDIT_PROGRAMS_H
#define AMLAPS_HTTPD_AUDIT_PROGRAMS_H

/* The programs that get copies of the audit. They go on over graceful restarts. All for post_config, in the parent. */

#include <httpd.h>

/** Before the configuration's programs are opened: none is known to be used. */
void amlaps_audit_programs_mark(apr_pool_t *ptemp);

/**
 * Starts a program, or finds the one that runs already; httpd starts it again when it ends.
 * @param source whose records it gets; a program for those of another is left alone
 * @param descriptor out: writes to it, without waiting
 * @return NULL, or what is wrong
 */
const char *amlaps_audit_programs_open(int *descriptor, const char *command, const char *source, apr_pool_t *process, apr_pool_t *ptemp);

/** Ends those that the configuration no longer has. */
void amlaps_audit_programs_sweep(apr_pool_t *ptemp);

#endif
