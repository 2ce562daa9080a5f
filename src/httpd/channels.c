/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "channels.h"
#include "counts.h"

#include <apr_strings.h>
#include <http_log.h>

#include "secret_source.h"

APLOG_USE_MODULE(amlaps);

/* More at once would only mean that all of them hang. */
#define CONNECTIONS 32

static const char *load(const amlaps_secret_t **secret, const char *source, apr_pool_t *pconf)
{
    amlaps_secret_t *loaded = NULL;
    const char *mistake = amlaps_secret_source_load(&loaded, source, pconf);

    *secret = loaded;
    return mistake;
}

/* The URL of Slack and Teams is a secret, so that all URLs live where secrets do. */
static const char *load_url(amlaps_channel_config_t *channel, apr_pool_t *pconf)
{
    const amlaps_secret_t *url;
    const char *mistake = NULL;

    if (channel->url_source) {
        mistake = load(&url, channel->url_source, pconf);
    } else {
        amlaps_secret_t *made = amlaps_secret_make(strlen(channel->url) + 1, pconf);

        if (!made || amlaps_secret_append(made, channel->url, strlen(channel->url)) != APR_SUCCESS) {
            return "out of memory";
        }
        url = made;
    }
    return mistake ? mistake : amlaps_channel_set_url(&channel->channel, url, pconf);
}

/* Names the directive in front of what was found. */
static const char *named(const amlaps_channel_config_t *channel, const char *origin, const char *directive, const char *mistake, apr_pool_t *ptemp)
{
    return mistake ? apr_psprintf(ptemp, "%s: %s of channel %s: %s", origin, directive, channel->channel.name, mistake) : NULL;
}

static const char *load_secrets(amlaps_channel_config_t *channel, apr_pool_t *pconf, apr_pool_t *ptemp)
{
    const amlaps_secret_t *secret;
    const char *mistake = NULL;

    if (channel->loaded) {
        return NULL;
    }
    if (channel->channel.kind != AMLAPS_CHANNEL_MAIL) {
        mistake = named(channel, channel->url_origin, "AMLapsWebhook", load_url(channel, pconf), ptemp);
    }
    if (!mistake && channel->key_source) {
        mistake = load(&secret, channel->key_source, pconf);
        mistake = mistake ? mistake : amlaps_channel_set_key(&channel->channel, secret, pconf);
        mistake = named(channel, channel->key_origin, "AMLapsWebhookSecret", mistake, ptemp);
    }
    if (!mistake && channel->password_source) {
        mistake = named(channel, channel->password_origin, "AMLapsMailLogin", load(&channel->channel.password, channel->password_source, pconf), ptemp);
    }
    channel->loaded = !mistake;
    return mistake;
}

static const amlaps_channel_config_t *find(const amlaps_config_t *config, const char *name)
{
    int i;

    for (i = 0; i < config->channels->nelts; i++) {
        const amlaps_channel_config_t *channel = APR_ARRAY_IDX(config->channels, i, amlaps_channel_config_t *);

        if (!strcmp(channel->channel.name, name)) {
            return channel;
        }
    }
    return NULL;
}

static const char *names_of(const amlaps_config_t *config, apr_pool_t *ptemp)
{
    const char *names = "";
    int i;

    for (i = 0; i < config->channels->nelts; i++) {
        names = apr_pstrcat(ptemp, names, *names ? ", " : "", APR_ARRAY_IDX(config->channels, i, amlaps_channel_config_t *)->channel.name, NULL);
    }
    return *names ? apr_pstrcat(ptemp, "write one of ", names, NULL) : "write a section <AMLapsChannel NAME> for it";
}

static const char *check_names(const amlaps_config_t *config, const char *const *name, const char *origin, apr_pool_t *ptemp)
{
    for (; name && *name; name++) {
        if (!find(config, *name)) {
            return apr_psprintf(ptemp, "%s: AMLapsNotify names the unknown channel '%s'; %s", origin, *name, names_of(config, ptemp));
        }
    }
    return NULL;
}

static const char *check_list(const amlaps_config_t *config, const apr_array_header_t *notifies, int first, apr_pool_t *ptemp)
{
    const char *mistake = NULL;
    int i;

    for (i = first; i < notifies->nelts && !mistake; i++) {
        const amlaps_notify_config_t *notify = APR_ARRAY_IDX(notifies, i, amlaps_notify_config_t *);

        if (!(mistake = check_names(config, notify->tell.on_success, notify->origin, ptemp))) {
            mistake = check_names(config, notify->tell.on_failure, notify->origin, ptemp);
        }
    }
    return mistake;
}

/* @param first of the server's notifications that is looked at */
static const char *check_told(amlaps_config_t *config, int first, apr_pool_t *pconf, apr_pool_t *ptemp)
{
    int i;

    memset(&config->tell, 0, sizeof(config->tell));
    for (i = 0; i < config->notifies->nelts; i++) {
        amlaps_tell_join(&config->tell, &config->tell, &APR_ARRAY_IDX(config->notifies, i, amlaps_notify_config_t *)->tell, pconf);
    }
    return check_list(config, config->notifies, first, ptemp);
}

static const char *load_all(const amlaps_config_t *config, apr_hash_t *all, apr_pool_t *pconf, apr_pool_t *ptemp)
{
    const char *mistake;
    int i;

    for (i = 0; i < config->channels->nelts; i++) {
        amlaps_channel_config_t *channel = APR_ARRAY_IDX(config->channels, i, amlaps_channel_config_t *);
        const amlaps_channel_config_t *other = apr_hash_get(all, channel->channel.name, APR_HASH_KEY_STRING);

        if (other && other != channel) {
            return apr_psprintf(ptemp, "%s: <AMLapsChannel %s> is a duplicate name: it stands at %s already; servers share the queue of "
                                "notifications, so give this one another name", channel->origin, channel->channel.name, other->origin);
        }
        apr_hash_set(all, channel->channel.name, APR_HASH_KEY_STRING, channel);
        if ((mistake = load_secrets(channel, pconf, ptemp))) {
            return mistake;
        }
    }
    return NULL;
}

const char *amlaps_channels_check(amlaps_config_t *config, apr_hash_t *all, apr_pool_t *pconf, apr_pool_t *ptemp)
{
    const char *mistake = load_all(config, all, pconf, ptemp);

    mistake = mistake ? mistake : check_told(config, 0, pconf, ptemp);
    return mistake ? mistake : check_list(config, config->rule_notifies, 0, ptemp);
}

const char *amlaps_channels_check_idle(amlaps_config_t *config, apr_hash_t *all, int first, apr_pool_t *pconf, apr_pool_t *ptemp)
{
    const char *mistake = load_all(config, all, pconf, ptemp);

    return mistake ? mistake : check_told(config, first, pconf, ptemp);
}

static int is_told(const char *const *names, const char *name)
{
    for (; names && *names; names++) {
        if (!strcmp(*names, name)) {
            return 1;
        }
    }
    return 0;
}

static int is_told_by(const amlaps_tell_t *tell, const char *name)
{
    return is_told(tell->on_success, name) || is_told(tell->on_failure, name);
}

static int is_used(const amlaps_config_t *config, const char *name)
{
    int used = is_told_by(&config->tell, name), i;

    for (i = 0; i < config->rules->nelts && !used; i++) {
        used = is_told_by(amlaps_rule_tell(APR_ARRAY_IDX(config->rules, i, amlaps_rule_t *)), name);
    }
    return used;
}

void amlaps_channels_warn(const server_rec *main_server)
{
    const server_rec *server, *other;
    int i;

    for (server = main_server; server; server = server->next) {
        const apr_array_header_t *channels = amlaps_config_of(server)->channels;

        /* What a virtual host inherits was looked at with the main server. */
        for (i = server == main_server ? 0 : amlaps_config_of(main_server)->channels->nelts; i < channels->nelts; i++) {
            const amlaps_channel_config_t *channel = APR_ARRAY_IDX(channels, i, amlaps_channel_config_t *);

            for (other = server; other && !is_used(amlaps_config_of(other), channel->channel.name); other = other->next) {
            }
            if (!other) {
                ap_log_error(APLOG_MARK, APLOG_WARNING, 0, server, "AML0521: %s: <AMLapsChannel %s> is told nothing; name it in an AMLapsNotify",
                             channel->origin, channel->channel.name);
            }
        }
    }
}

/* In the parent, so that all children find the same. */
static int count_queues(const server_rec *main_server, const char *store)
{
    const server_rec *server;
    int i, counted = 1;

    for (server = main_server; server; server = server->next) {
        const apr_array_header_t *channels = amlaps_config_of(server)->channels;

        for (i = 0; i < channels->nelts; i++) {
            counted &= amlaps_counts_queue(APR_ARRAY_IDX(channels, i, amlaps_channel_config_t *)->channel.name, store) != NULL;
        }
    }
    return counted;
}

int amlaps_channels_count(const server_rec *main_server, apr_pool_t *ptemp)
{
    apr_hash_t *stores = apr_hash_make(ptemp);
    const server_rec *server;
    int i, counted = 1;

    for (server = main_server; server; server = server->next) {
        const apr_array_header_t *channels = amlaps_config_of(server)->channels;
        const char *store = amlaps_config_opened_store(amlaps_config_of(server));

        for (i = 0; i < channels->nelts; i++) {
            amlaps_channel_t *channel = &APR_ARRAY_IDX(channels, i, amlaps_channel_config_t *)->channel;

            channel->meter = amlaps_counts_channel(channel->name);
            counted &= channel->meter != NULL;
        }
        if (!apr_hash_get(stores, store, APR_HASH_KEY_STRING)) {
            apr_hash_set(stores, store, APR_HASH_KEY_STRING, server);
            counted &= count_queues(main_server, store);
        }
    }
    return counted;
}

apr_status_t amlaps_channels_open(const amlaps_notify_t **notify, amlaps_error_t *error, const server_rec *main_server, apr_pool_t *pchild)
{
    apr_array_header_t *channels = apr_array_make(pchild, 4, sizeof(const amlaps_channel_t *));
    apr_hash_t *known = apr_hash_make(pchild);
    const amlaps_transport_t *transport;
    const server_rec *server;
    amlaps_notify_t *opened;
    apr_status_t status;
    int i;

    *notify = NULL;
    for (server = main_server; server; server = server->next) {
        const apr_array_header_t *own = amlaps_config_of(server)->channels;

        for (i = 0; i < own->nelts; i++) {
            const amlaps_channel_t *channel = &APR_ARRAY_IDX(own, i, amlaps_channel_config_t *)->channel;

            if (!apr_hash_get(known, channel->name, APR_HASH_KEY_STRING)) {
                apr_hash_set(known, channel->name, APR_HASH_KEY_STRING, channel);
                APR_ARRAY_PUSH(channels, const amlaps_channel_t *) = channel;
            }
        }
    }
    if (!channels->nelts) {
        return APR_SUCCESS;
    }
    status = amlaps_transport_open(&transport, error, CONNECTIONS, &amlaps_notify_faults, pchild);
    if (status == APR_SUCCESS) {
        status = amlaps_notify_open(&opened, (const amlaps_channel_t *const *)channels->elts, (apr_size_t)channels->nelts, transport,
                                    amlaps_clock_system(), pchild);
    }
    if (status == APR_SUCCESS) {
        *notify = opened;
    }
    return status;
}

void amlaps_channels_list(amlaps_access_t *access, const amlaps_config_t *config, apr_pool_t *pchild)
{
    const amlaps_channel_t **channels = apr_pcalloc(pchild, (apr_size_t)(config->channels->nelts + 1) * sizeof(*channels));
    amlaps_queue_meter_t **queues = apr_pcalloc(pchild, (apr_size_t)(config->channels->nelts + 1) * sizeof(*queues));
    int i;

    for (i = 0; i < config->channels->nelts; i++) {
        channels[i] = &APR_ARRAY_IDX(config->channels, i, amlaps_channel_config_t *)->channel;
        queues[i] = amlaps_counts_queue(channels[i]->name, amlaps_config_opened_store(config));
    }
    access->channels = channels;
    access->queues = queues;
    access->channel_count = (apr_size_t)config->channels->nelts;
}

static amlaps_queue_meter_t *const *queues_of(const amlaps_notify_t *notify, const char *store, apr_pool_t *pchild)
{
    const apr_size_t count = amlaps_notify_count(notify);
    amlaps_queue_meter_t **queues = apr_pcalloc(pchild, count * sizeof(*queues));
    apr_size_t i;

    for (i = 0; i < count; i++) {
        queues[i] = amlaps_counts_queue(amlaps_notify_channel(notify, i)->name, store);
    }
    return queues;
}

void amlaps_channels_deliver(const server_rec *main_server, amlaps_access_t *const *runtimes, apr_pool_t *pchild)
{
    apr_hash_t *stores = apr_hash_make(pchild);
    const server_rec *server;

    for (server = main_server; server; server = server->next) {
        const amlaps_config_t *config = amlaps_config_of(server);
        const amlaps_access_t *access = config->runtime >= 0 ? runtimes[config->runtime] : NULL;
        const char *store = access ? amlaps_config_opened_store(config) : NULL;
        apr_status_t status;

        if (!access || !access->notify || apr_hash_get(stores, store, APR_HASH_KEY_STRING)) {
            continue;
        }
        apr_hash_set(stores, store, APR_HASH_KEY_STRING, access);
        status = amlaps_access_deliver_in_background(access->trail, access->notify, queues_of(access->notify, store, pchild), access->clock,
                                                     pchild);
        if (status != APR_SUCCESS) {
            ap_log_error(APLOG_MARK, APLOG_ERR, status, server, "AML0522: no thread to deliver notifications; they stay queued until another "
                         "child does");
        }
    }
}
