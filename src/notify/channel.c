/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <string.h>
#include <strings.h>

#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_uri.h>

#include "amlaps/text.h"
#include "template.h"

#define LEAST_KEY 16
#define MOST_KEY 512
#define MOST_ADDRESS 254

const char *amlaps_channel_set_kind(amlaps_channel_t *channel, const char *word, apr_pool_t *pool)
{
    static const char *const words[] = { "json", "slack", "teams" };
    size_t i;

    for (i = 0; i < sizeof(words) / sizeof(*words); i++) {
        if (strcasecmp(word, words[i]) == 0) {
            channel->kind = (amlaps_channel_kind_t)i;
            return NULL;
        }
    }
    return apr_psprintf(pool, "\"%s\" is no kind of webhook: write json, slack or teams, then the URL", amlaps_text_printable(word, 40, pool));
}

static int is_port(const char *text)
{
    return text == NULL || (*text != '\0' && strspn(text, "0123456789") == strlen(text) && strlen(text) <= 5 && apr_atoi64(text) >= 1
                            && apr_atoi64(text) <= 65535);
}

static void forget(char *part)
{
    if (part != NULL) {
        explicit_bzero(part, strlen(part));
    }
}

const char *amlaps_channel_set_url(amlaps_channel_t *channel, const amlaps_secret_t *url, apr_pool_t *pool)
{
    apr_pool_t *own;
    apr_uri_t uri;
    const char *mistake = NULL;

    if (strlen(url->bytes) != url->length || amlaps_text_has_controls(url->bytes) || strpbrk(url->bytes, " \"<>\\^`{|}") != NULL) {
        return "this is no URL: write https://HOST/PATH, with every character that is none of a URL percent-encoded";
    }
    if (apr_pool_create(&own, pool) != APR_SUCCESS) {
        return "out of memory";
    }
    if (apr_uri_parse(own, url->bytes, &uri) != APR_SUCCESS || uri.scheme == NULL || uri.hostname == NULL || *uri.hostname == '\0'
        || (strcasecmp(uri.scheme, "https") != 0 && strcasecmp(uri.scheme, "http") != 0)) {
        mistake = "this is no URL of a webhook: write https://HOST/PATH, or file:PATH or env:NAME that hold it";
    } else if (!is_port(uri.port_str)) {
        mistake = "the URL's port is none: write one from 1 to 65535, or none";
    } else if (uri.user != NULL || uri.password != NULL) {
        mistake = "a URL with a user name and a password is not sent: write one without";
    } else if (uri.fragment != NULL) {
        mistake = "a URL with a fragment (#...) is none of a webhook: write it without";
    } else if (strcasecmp(uri.scheme, "http") == 0 && !amlaps_text_is_loopback(uri.hostname)) {
        mistake = "http:// would send names and reasons in clear: write https:// (http:// is for loopback addresses alone)";
    }
    /* Copies of what may be a secret. */
    forget(uri.path);
    forget(uri.query);
    forget(uri.fragment);
    forget(uri.user);
    forget(uri.password);
    forget(uri.hostinfo);
    apr_pool_destroy(own);
    channel->url = url;
    return mistake;
}

const char *amlaps_channel_set_key(amlaps_channel_t *channel, const amlaps_secret_t *written, apr_pool_t *pool)
{
    static const char prefix[] = "whsec_";
    static const char mistake[] = "this is no secret of Standard Webhooks: write whsec_ and 24 to 64 random bytes in base64, such as what "
                                  "\"echo whsec_$(openssl rand -base64 32)\" prints";
    const char *text = written->bytes;
    amlaps_secret_t *key = amlaps_secret_make(MOST_KEY, pool);

    if (key == NULL) {
        return "out of memory";
    }
    if (strncmp(text, prefix, sizeof(prefix) - 1) == 0) {
        text += sizeof(prefix) - 1;
    }
    if (strlen(text) > MOST_KEY || !amlaps_text_read_base64(key->bytes, &key->length, text, strlen(text)) || key->length < LEAST_KEY) {
        amlaps_secret_wipe(key);
        return mistake;
    }
    channel->key = key;
    return NULL;
}

/** Plain addresses alone, in ASCII: nothing else belongs on an SMTP command line. */
static int is_address(const char *text)
{
    const char *at = strchr(text, '@');
    const char *c;

    if (at == NULL || at == text || at - text > 64 || at[1] == '\0' || strlen(text) > MOST_ADDRESS) {
        return 0;
    }
    for (c = text; c < at; c++) {
        if (!apr_isalnum(*c) && strchr("!#$%&'*+-/=?^_`{|}~.", *c) == NULL) {
            return 0;
        }
    }
    for (c = at + 1; *c != '\0'; c++) {
        if (!apr_isalnum(*c) && *c != '-' && (*c != '.' || c[-1] == '.' || c == at + 1 || c[1] == '\0')) {
            return 0;
        }
    }
    return 1;
}

const char *amlaps_channel_set_mail(amlaps_channel_t *channel, const char *const *words, int count, apr_pool_t *pool)
{
    const char **to = apr_pcalloc(pool, (apr_size_t)(count + 1) * sizeof(*to));
    apr_uri_t uri;
    int i;

    if (count < 3) {
        return "write the mail server, the sender and the recipients, as in smtp://mail.contoso.com:587 laps@contoso.com soc@contoso.com";
    }
    if (amlaps_text_has_controls(words[0]) || apr_uri_parse(pool, words[0], &uri) != APR_SUCCESS || uri.scheme == NULL || uri.hostname == NULL
        || *uri.hostname == '\0' || (strcasecmp(uri.scheme, "smtp") != 0 && strcasecmp(uri.scheme, "smtps") != 0) || !is_port(uri.port_str)
        || uri.user != NULL || uri.query != NULL || uri.fragment != NULL || (uri.path != NULL && strcmp(uri.path, "/") != 0)) {
        return apr_psprintf(pool, "\"%s\" is no mail server: write smtp://HOST[:PORT] (STARTTLS) or smtps://HOST[:PORT] (TLS from the start)%s",
                            amlaps_text_printable(words[0], 100, pool),
                            strchr(words[0], '@') != NULL ? "; a login is AMLapsMailLogin's" : "");
    }
    for (i = 1; i < count; i++) {
        if (!is_address(words[i])) {
            return apr_psprintf(pool, "\"%s\" is no mail address: write it alone, without a name or <>, as in laps@contoso.com",
                                amlaps_text_printable(words[i], 100, pool));
        }
        to[i - 1] = i > 1 ? words[i] : NULL;
    }
    channel->kind = AMLAPS_CHANNEL_MAIL;
    channel->server = words[0];
    channel->loopback = amlaps_text_is_loopback(uri.hostname);
    channel->from = words[1];
    channel->to = to + 1;
    return NULL;
}

const char *amlaps_channel_set_template(amlaps_channel_t *channel, const char *text, apr_size_t length, apr_pool_t *pool)
{
    static const char *const shipped[] = {
        [AMLAPS_CHANNEL_SLACK] = amlaps_template_slack, [AMLAPS_CHANNEL_TEAMS] = amlaps_template_teams, [AMLAPS_CHANNEL_MAIL] = amlaps_template_mail
    };

    if (channel->kind == AMLAPS_CHANNEL_JSON) {
        return text != NULL ? "a webhook of kind json sends the record itself and has no template: leave the line out, or write slack or teams" : NULL;
    }
    if (text == NULL) {
        text = shipped[channel->kind];
        length = strlen(text);
    }
    return amlaps_template_read(&channel->template, channel->kind, text, length, pool);
}
