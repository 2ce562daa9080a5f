/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_HTTPD_LIFECYCLE_H
#define AMLAPS_HTTPD_LIFECYCLE_H

#include "claims_keep.h"
#include "httpd_glue.h"

/** The rooms of the server that a request came to, in this child; NULL where it has none. Any thread. */
const amlaps_access_t *amlaps_lifecycle_access(const server_rec *server);

/** What this child keeps of the claims of sessions; NULL where it serves nothing. Any thread. */
amlaps_claims_keep_t *amlaps_lifecycle_claims(void);

/**
 * For post_config. The parent is the one process whose end takes all sites along: what was well when httpd was started, and is not at a reload, leaves
 * it running, and the children say audit_unavailable. @return 1 at a reload or restart, 0 where httpd starts
 */
int amlaps_lifecycle_is_reload(void);

/** What is wrong with the server's copies of the audit beside its store and the copies of the servers before it. @return NULL, or the mistake */
const char *amlaps_audit_logs_check(const server_rec *server, apr_pool_t *ptemp);

/** Opens the server's copies of the audit, those of the main server once. In the parent, as root. @return OK, or what post_config returns */
int amlaps_audit_logs_open(server_rec *server, apr_pool_t *pconf, apr_pool_t *ptemp);

/** Sends the rooms' messages to `server`'s error log, as far as its LogLevel wants them. */
void amlaps_log_bridge(const server_rec *server);

/** Warns about settings of mod_auth_openidc and httpd that make this module unsafe or useless. At configtest and start. */
void amlaps_advice_give(const server_rec *server);

/** @return the OIDCClientID that counts for the server, as the configuration tree has it; NULL: there is none, or ID tokens may be for others */
const char *amlaps_sign_in_app_find(const server_rec *server, apr_pool_t *pool);

/** Notes the server's Locations that have a SetHandler. */
void amlaps_mounts_find(server_rec *server, apr_pool_t *pool);

/** @return the mount that the request's path lies in, the longest, or NULL */
const amlaps_mount_t *amlaps_mount_of(request_rec *r);

/**
 * @param mistake out: a `SetHandler amlaps` that stands where it cannot work, and what to write instead; or NULL
 * @return "file:line" of the first `SetHandler amlaps` of the configuration, or NULL
 */
const char *amlaps_mounts_written(const char **mistake, apr_pool_t *pool);

/**
 * @param host out: the virtual host, since several may include the same file
 * @return "file:line" of a `SetHandler amlaps` that stands in a virtual host without any tenant, or NULL; Locations that it inherits may be for others
 */
const char *amlaps_mounts_idle(const server_rec **host, const server_rec *main_server, apr_pool_t *pool);

/** Warns about each `SetHandler amlaps` where no Require can count, on any server. Once the configuration of every server is merged. */
void amlaps_mounts_warn(const server_rec *main_server, apr_pool_t *pool);

#endif
