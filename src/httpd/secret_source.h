/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_HTTPD_SECRET_SOURCE_H
#define AMLAPS_HTTPD_SECRET_SOURCE_H

#include <httpd.h>
#include <http_config.h>

#include "amlaps/secret.h"

/* Where a secret comes from: file:PATH, env:NAME or exec:PATH [ARG...]; never the configuration itself, which mod_info and backups show. */

/** Checks the form. @param source out: the normal form. @return NULL, or the mistake and the remedy, without the value */
const char *amlaps_secret_source_read(const char **source, cmd_parms *cmd, const char *line);

/**
 * Reads the secret; one line's end at its end goes. In the parent, as root.
 * @return NULL, or why not and what to do
 */
const char *amlaps_secret_source_load(amlaps_secret_t **secret, const char *source, apr_pool_t *pool);

#endif
