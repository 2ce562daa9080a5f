/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "lifecycle.h"

#include <http_log.h>

APLOG_USE_MODULE(amlaps);

/*
 * Settings of other modules that make this one unsafe or useless. They are read from the configuration tree, since other modules keep theirs to
 * themselves; warnings, since the tree does not tell every inheritance.
 */
typedef struct setting_t {
    const char *directive;
    const char *wanted;        /* one of the words that must stand there; NULL: the directive must not stand at all */
    const char *unwanted;      /* a word that must not stand there, or NULL */
    const char *advice;
    int stands, good, bad;
} setting_t;

static int has_word(const char *args, const char *word)
{
    const char *found = ap_strcasestr(args, word);
    char after = found ? found[strlen(word)] : 'x';

    return found && (found == args || found[-1] == ' ' || found[-1] == '"') && (!after || after == ' ' || after == '"');
}

static void look(setting_t *setting, const ap_directive_t *directive)
{
    for (; directive; directive = directive->next) {
        if (directive->first_child) {
            look(setting, directive->first_child);
        }
        if (!directive->directive || ap_cstr_casecmp(directive->directive, setting->directive)) {
            continue;
        }
        setting->stands = 1;
        if (setting->wanted && has_word(directive->args, setting->wanted)) {
            setting->good = 1;
        } else if (!setting->unwanted || has_word(directive->args, setting->unwanted)) {
            setting->bad = 1;
        }
    }
}

/* What is right unless it is set, so that it is told with its place, and only there. */
static const struct {
    const char *directives[3];
    const char *words[5];      /* one of these in the first argument */
    const char *id, *advice;
} faults[] = {
    { { "OIDCCookieHTTPOnly" }, { "off" }, "AML0171", "scripts may read the session cookie; set OIDCCookieHTTPOnly On" },
    { { "OIDCSSLValidateServer" }, { "off", "false", "no", "0" }, "AML0172",
      "whoever stands between httpd and the login host can sign in as anybody; set OIDCSSLValidateServer On" },
    { { "OIDCSessionType" }, { "client-cookie" }, "AML0173",
      "a session in a cookie can't be ended here, and who has a copy goes on with it; set OIDCSessionType server-cache" },
    { { "OIDCUnAuthAction" }, { "pass" }, "AML0174", "who has not signed in is let through; set OIDCUnAuthAction 401 or auth" },
    { { "OIDCPKCEMethod" }, { "plain", "none" }, "AML0175", "a code that somebody has read on its way can be used; set OIDCPKCEMethod S256" },
    { { "OIDCResponseType" }, { "id_token", "token" }, "AML0176", "tokens come by way of the browser; set OIDCResponseType code" },
    { { "OIDCProviderMetadataURL", "OIDCProviderIssuer" }, { "common", "organizations", "consumers" }, "AML0177",
      "people of any tenant could sign in; write your tenant's id instead of common, organizations or consumers" },
    { { "DumpIOInput", "DumpIOOutput" }, { "on" }, "AML0178", "mod_dumpio writes what goes over the wire to the error log, passwords too; remove it" },
};

static int is_one_of(const char *word, size_t length, const char *const *words)
{
    while (*words && (strlen(*words) != length || ap_cstr_casecmpn(*words, word, length))) {
        words++;
    }
    return *words != NULL;
}

/* In a URL each folder of the path is a word, and in client-cookie:persistent either half. */
static int has_one_of(const char *args, const char *const *words)
{
    const char ends[] = { *args == '"' || *args == '\'' ? *args++ : ' ', '\0' };
    const char *end = args + strcspn(args, ends);

    while (args < end) {
        size_t length = strcspn(args, " \t:/\"'");

        if (is_one_of(args, length, words)) {
            return 1;
        }
        args += length + 1;
    }
    return 0;
}

static void tell_faults(const ap_directive_t *directive, const server_rec *server)
{
    size_t i;

    for (; directive; directive = directive->next) {
        tell_faults(directive->first_child, server);
        for (i = 0; directive->directive && i < sizeof(faults) / sizeof(faults[0]); i++) {
            if (is_one_of(directive->directive, strlen(directive->directive), faults[i].directives) && has_one_of(directive->args, faults[i].words)) {
                ap_log_error(APLOG_MARK, APLOG_WARNING, 0, server, "%s: %s:%d: %s", faults[i].id, directive->filename, directive->line_num,
                             faults[i].advice);
            }
        }
    }
}

/* @return the first directive of one of these names */
static const ap_directive_t *find(const ap_directive_t *directive, const char *const *names)
{
    const ap_directive_t *found = NULL;

    for (; directive && !found; directive = directive->next) {
        found = directive->directive && is_one_of(directive->directive, strlen(directive->directive), names) ? directive :
                find(directive->first_child, names);
    }
    return found;
}

/* mod_remoteip believes everybody where no proxy is named. Wherever one is named it is taken to count: virtual hosts inherit it. */
static void tell_of_addresses(const server_rec *server)
{
    static const char *const headers[] = { "RemoteIPHeader", NULL };
    static const char *const proxies[] = {
        "RemoteIPInternalProxy", "RemoteIPInternalProxyList", "RemoteIPTrustedProxy", "RemoteIPTrustedProxyList", NULL,
    };
    const ap_directive_t *header = find(ap_conftree, headers);

    if (header && !find(ap_conftree, proxies)) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, server, "AML0186: %s:%d: whoever sends this header chooses the address that limits, rules and the "
                     "audit see; write RemoteIPInternalProxy with the proxy's address", header->filename, header->line_num);
    }
}

void amlaps_advice_give(const server_rec *server)
{
    setting_t settings[] = {
        { "AuthType", "openid-connect", "none-of-ours",
          "AML0112: no Location has AuthType openid-connect, so nobody can sign in to the page", 0, 0, 0 },
        { "OIDCPassIDTokenAs", "payload", NULL,
          "AML0113: the claims reach the page only with OIDCPassIDTokenAs payload; set it", 0, 0, 0 },
        { "OIDCPassClaimsAs", "environment", NULL,
          "AML0114: claims are passed as request headers too; set OIDCPassClaimsAs environment", 0, 0, 0 },
        { "OIDCPassClaimsAs", NULL, "latin1",
          "AML0187: OIDCPassClaimsAs latin1 spoils the claims of everybody with a letter beyond ASCII; set OIDCPassClaimsAs environment", 0, 1, 0 },
        { "OIDCPassClaimsAs", NULL, "base64url",
          "AML0187: OIDCPassClaimsAs base64url makes all claims unreadable; set OIDCPassClaimsAs environment", 0, 1, 0 },
        { "OIDCCookieSameSite", "On", NULL,
          "AML0115: the session cookie goes along with requests of other sites; set OIDCCookieSameSite On", 0, 0, 0 },
        { "OIDCPreservePost", "Off", "On",
          "AML0116: OIDCPreservePost On keeps what people type in a page of its own with inline script; set it Off", 0, 1, 0 },
        { "CoreDumpDirectory", NULL, NULL,
          "AML0117: CoreDumpDirectory makes the children dumpable, with what passwords they hold; remove it", 0, 1, 0 },
    };
    size_t i;

    for (i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        look(&settings[i], ap_conftree);
        if (!settings[i].good || settings[i].bad) {
            ap_log_error(APLOG_MARK, APLOG_WARNING, 0, server, "%s", settings[i].advice);
        }
    }
    tell_faults(ap_conftree, server);
    tell_of_addresses(server);
}
