/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_HTTPD_CHANNELS_H
#define AMLAPS_HTTPD_CHANNELS_H

#include "config.h"

/**
 * What can only be checked of channels when the whole configuration is known: their secrets, that no two of all servers have one name – servers
 * share a store, and with it the queue –, and that who is told exists. In the parent, as root.
 * @param all channels of the servers before this one by name; this one's are added
 * @return NULL, or the mistake and the remedy
 */
const char *amlaps_channels_check(amlaps_config_t *config, apr_hash_t *all, apr_pool_t *pconf, apr_pool_t *ptemp);

/**
 * The same for a server without a tenant: children open its channels too, for what is still queued under their names. Of who is told, only what
 * AMLapsNotify outside of rules names from the index `first` on: the rest is checked where it counts.
 */
const char *amlaps_channels_check_idle(amlaps_config_t *config, apr_hash_t *all, int first, apr_pool_t *pconf, apr_pool_t *ptemp);

/** Warns about channels that are told nothing. */
void amlaps_channels_warn(const server_rec *server);

/** Gives each channel of all servers its counts, and each of its queues. In the parent, in post_config. @return 0 without memory */
int amlaps_channels_count(const server_rec *main_server, apr_pool_t *ptemp);

/**
 * Opens the channels of all servers in this child.
 * @return APR_SUCCESS; `*notify` is NULL where there are none
 */
apr_status_t amlaps_channels_open(const amlaps_notify_t **notify, amlaps_error_t *error, const server_rec *main_server, apr_pool_t *pchild);

/** The channels of one server, for its status. */
void amlaps_channels_list(amlaps_access_t *access, const amlaps_config_t *config, apr_pool_t *pchild);

/** Starts to deliver what is queued in the stores of the runtimes. */
void amlaps_channels_deliver(const server_rec *main_server, amlaps_access_t *const *runtimes, apr_pool_t *pchild);

#endif
