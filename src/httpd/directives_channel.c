/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "directives.h"
#include "secret_source.h"

#include <apr_lib.h>
#include <apr_strings.h>

#include "amlaps/text.h"

#define TEMPLATE_MOST 65536
#define GIVE_UP_AFTER apr_time_from_sec(86400)
#define GIVE_UP_MOST (7 * 86400)

static const char *const inside_channel[] = {
    "AMLapsWebhook", "AMLapsWebhookSecret", "AMLapsMail", "AMLapsMailLogin", "AMLapsRequired", "AMLapsTemplate", "AMLapsGiveUp", "AMLapsCAFile", NULL,
};

static const char *open_channel(amlaps_channel_config_t **channel, cmd_parms *cmd)
{
    *channel = amlaps_directive_config(cmd)->open_channel;
    return *channel ? NULL : apr_psprintf(cmd->pool, "%s belongs into a section <AMLapsChannel NAME>", cmd->cmd->name);
}

static const char *named(cmd_parms *cmd, const char *mistake)
{
    return mistake ? apr_pstrcat(cmd->pool, cmd->cmd->name, ": ", mistake, NULL) : NULL;
}

static const char *twice(cmd_parms *cmd)
{
    return apr_psprintf(cmd->pool, "%s stands twice in this section; keep one", cmd->cmd->name);
}

static const char *finish(cmd_parms *cmd, amlaps_channel_config_t *channel)
{
    const int is_mail = channel->channel.server != NULL, is_webhook = channel->url || channel->url_source;
    const char *name = channel->channel.name, *mistake;

    if (is_mail == is_webhook) {
        return apr_psprintf(cmd->pool, "<AMLapsChannel %s> %s; write one line AMLapsWebhook json|slack|teams URL, or one line AMLapsMail "
                            "smtp[s]://HOST[:PORT] FROM TO...", name, is_mail ? "is both a webhook and a mail" : "says neither where to post nor "
                            "whom to mail");
    }
    if (is_mail && channel->key_source) {
        return apr_psprintf(cmd->pool, "<AMLapsChannel %s>: AMLapsWebhookSecret signs what a webhook posts, and this channel is a mail; leave it out",
                            name);
    }
    if (!is_mail && channel->channel.user) {
        return apr_psprintf(cmd->pool, "<AMLapsChannel %s>: AMLapsMailLogin is for AMLapsMail, and this channel is a webhook; leave it out", name);
    }
    if ((mistake = amlaps_channel_set_template(&channel->channel, channel->template, channel->template ? strlen(channel->template) : 0,
                                               cmd->pool))) {
        cmd->err_directive = channel->template_directive;
        return apr_psprintf(cmd->pool, "<AMLapsChannel %s>: AMLapsTemplate %s: %s", name, channel->template_path, mistake);
    }
    return NULL;
}

const char *amlaps_directive_channel_section(cmd_parms *cmd, void *dir, const char *line)
{
    amlaps_config_t *config = amlaps_directive_config(cmd);
    amlaps_channel_config_t *channel;
    apr_array_header_t *words;
    const char *mistake;
    int i;

    (void)dir;
    if ((mistake = amlaps_directive_open_section(&words, cmd, line))) {
        return mistake;
    }
    if (words->nelts != 1) {
        return "<AMLapsChannel takes one name, such as <AMLapsChannel soc>";
    }
    channel = apr_pcalloc(cmd->pool, sizeof(*channel));
    channel->channel.name = APR_ARRAY_IDX(words, 0, const char *);
    channel->channel.give_up = GIVE_UP_AFTER;
    channel->origin = amlaps_directive_origin(cmd, cmd->pool);
    if ((mistake = amlaps_directive_check_name(cmd, channel->channel.name, "soc"))) {
        return mistake;
    }
    for (i = 0; i < config->channels->nelts; i++) {
        const amlaps_channel_config_t *other = APR_ARRAY_IDX(config->channels, i, amlaps_channel_config_t *);

        if (!ap_cstr_casecmp(other->channel.name, channel->channel.name)) {
            return apr_psprintf(cmd->pool, "<AMLapsChannel %s> is a duplicate name: it stands at %s already; give this channel another",
                                channel->channel.name, other->origin);
        }
    }
    config->open_channel = channel;
    mistake = amlaps_directive_walk_section(cmd, inside_channel);
    config->open_channel = NULL;
    if (mistake || (mistake = finish(cmd, channel))) {
        return mistake;
    }
    APR_ARRAY_PUSH(config->channels, amlaps_channel_config_t *) = channel;
    return NULL;
}

const char *amlaps_directive_webhook(cmd_parms *cmd, void *dir, const char *kind, const char *url)
{
    amlaps_channel_config_t *channel;
    const char *mistake = open_channel(&channel, cmd);

    (void)dir;
    if (mistake || (mistake = named(cmd, amlaps_channel_set_kind(&channel->channel, kind, cmd->pool)))) {
        return mistake;
    }
    if (channel->url || channel->url_source) {
        return twice(cmd);
    }
    channel->url_origin = amlaps_directive_origin(cmd, cmd->pool);
    if (!strncmp(url, "file:", 5) || !strncmp(url, "env:", 4)) {
        return amlaps_secret_source_read(&channel->url_source, cmd, url);
    }
    if (!strncmp(url, "exec:", 5)) {
        return apr_psprintf(cmd->pool, "%s: write the URL, or file:PATH or env:NAME that hold it", cmd->cmd->name);
    }
    channel->url = url;
    return NULL;
}

const char *amlaps_directive_webhook_secret(cmd_parms *cmd, void *dir, const char *line)
{
    amlaps_channel_config_t *channel;
    const char *mistake = open_channel(&channel, cmd);

    (void)dir;
    if (mistake) {
        return mistake;
    }
    channel->key_origin = amlaps_directive_origin(cmd, cmd->pool);
    return channel->key_source ? twice(cmd) : amlaps_secret_source_read(&channel->key_source, cmd, line);
}

const char *amlaps_directive_mail(cmd_parms *cmd, void *dir, const char *line)
{
    amlaps_channel_config_t *channel;
    const char *mistake = open_channel(&channel, cmd);
    apr_array_header_t *words;

    (void)dir;
    if (mistake || (mistake = amlaps_directive_words(&words, cmd, line))) {
        return mistake;
    }
    if (channel->channel.server) {
        return twice(cmd);
    }
    return named(cmd, amlaps_channel_set_mail(&channel->channel, (const char *const *)words->elts, words->nelts, cmd->pool));
}

const char *amlaps_directive_mail_login(cmd_parms *cmd, void *dir, const char *line)
{
    amlaps_channel_config_t *channel;
    const char *mistake = open_channel(&channel, cmd), *user;

    (void)dir;
    if (mistake) {
        return mistake;
    }
    if (channel->channel.user) {
        return twice(cmd);
    }
    user = ap_getword_conf(cmd->pool, &line);
    if (!*user || !*line || amlaps_text_has_controls(user)) {
        return apr_psprintf(cmd->pool, "%s takes the user, then file:PATH, env:NAME or exec:PATH for the password", cmd->cmd->name);
    }
    channel->channel.user = user;
    channel->password_origin = amlaps_directive_origin(cmd, cmd->pool);
    return amlaps_secret_source_read(&channel->password_source, cmd, line);
}

const char *amlaps_directive_required(cmd_parms *cmd, void *dir, int on)
{
    amlaps_channel_config_t *channel;
    const char *mistake = open_channel(&channel, cmd);

    (void)dir;
    if (mistake) {
        return mistake;
    }
    if (channel->says_required++) {
        return twice(cmd);
    }
    channel->channel.required = on;
    return NULL;
}

const char *amlaps_directive_template(cmd_parms *cmd, void *dir, const char *value)
{
    amlaps_channel_config_t *channel;
    const char *mistake = open_channel(&channel, cmd), *path;
    apr_size_t length = TEMPLATE_MOST + 1;
    apr_file_t *file;
    char *text;

    (void)dir;
    if (mistake) {
        return mistake;
    }
    if (channel->template) {
        return twice(cmd);
    }
    path = ap_server_root_relative(cmd->pool, value);
    if (!path || apr_file_open(&file, path, APR_FOPEN_READ | APR_FOPEN_BUFFERED, 0, cmd->temp_pool) != APR_SUCCESS) {
        return apr_psprintf(cmd->pool, "%s: can't read '%s'; copy a template from conf/notify there, then change it", cmd->cmd->name, value);
    }
    text = apr_pcalloc(cmd->pool, TEMPLATE_MOST + 2);
    if (apr_file_read_full(file, text, length, &length) != APR_EOF) {
        apr_file_close(file);
        return apr_psprintf(cmd->pool, "%s: '%s' is no file, or is larger than 64 KiB; write the path of a template", cmd->cmd->name, value);
    }
    apr_file_close(file);
    channel->template = text;
    channel->template_path = value;
    channel->template_directive = cmd->directive;
    return NULL;
}

const char *amlaps_directive_give_up(cmd_parms *cmd, void *dir, const char *value)
{
    amlaps_channel_config_t *channel;
    const char *mistake = open_channel(&channel, cmd);

    (void)dir;
    if (mistake) {
        return mistake;
    }
    return channel->says_give_up++ ? twice(cmd) : amlaps_directive_seconds(&channel->channel.give_up, cmd, value, 1, GIVE_UP_MOST);
}

const char *amlaps_directive_notify(cmd_parms *cmd, void *dir, const char *line)
{
    amlaps_config_t *config = amlaps_directive_config(cmd);
    apr_array_header_t *words;
    amlaps_notify_config_t *notify;
    const char *mistake = amlaps_directive_words(&words, cmd, line);

    (void)dir;
    if (mistake) {
        return mistake;
    }
    notify = apr_pcalloc(cmd->pool, sizeof(*notify));
    notify->origin = amlaps_directive_origin(cmd, cmd->pool);
    if ((mistake = amlaps_tell_add(&notify->tell, (const char *const *)words->elts, words->nelts, cmd->pool))) {
        return named(cmd, mistake);
    }
    APR_ARRAY_PUSH(config->open_rule ? config->rule_notifies : config->notifies, amlaps_notify_config_t *) = notify;
    return config->open_rule ? named(cmd, amlaps_rule_add_notify(config->open_rule, (const char *const *)words->elts, words->nelts)) : NULL;
}
