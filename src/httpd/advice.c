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

void amlaps_advice_give(const server_rec *server)
{
    setting_t settings[] = {
        { "AuthType", "openid-connect", "none-of-ours",
          "AML0112: no Location has AuthType openid-connect, so nobody can sign in to the page", 0, 0, 0 },
        { "OIDCPassIDTokenAs", "payload", NULL,
          "AML0113: the claims reach the page only with OIDCPassIDTokenAs payload; set it", 0, 0, 0 },
        { "OIDCPassClaimsAs", "environment", NULL,
          "AML0114: claims are passed as request headers too; set OIDCPassClaimsAs environment", 0, 0, 0 },
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
}
