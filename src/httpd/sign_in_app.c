/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "lifecycle.h"
#include "request.h"

#include <apr_strings.h>

/*
 * Whom the ID tokens of a server are for. Virtual hosts that share mod_auth_openidc's cache and passphrase take each other's sessions, which may be
 * of another login, or of an app that asks for less; the host that it compares is one that clients can choose. Its configuration is its own, so the
 * tree is read.
 */

static int is_called(const ap_directive_t *directive, const char *name)
{
    return directive->directive && !ap_cstr_casecmp(directive->directive, name);
}

static int is_at(const server_rec *server, const char *file, unsigned line)
{
    return server->is_virtual && server->defn_line_number == line && server->defn_name && !strcmp(server->defn_name, file);
}

/* @param nth of the sections at that place, where a file is included more than once; counted down */
static const ap_directive_t *find_section(const ap_directive_t *directive, const server_rec *server, int *nth)
{
    const ap_directive_t *found = NULL;

    for (; directive && !found; directive = directive->next) {
        if (is_called(directive, "<VirtualHost")) {
            found = is_at(server, directive->filename, (unsigned)directive->line_num) && (*nth)-- == 0 ? directive : NULL;
        } else {
            found = find_section(directive->first_child, server, nth);
        }
    }
    return found;
}

/* httpd puts each virtual host before those that it has read already. */
static const ap_directive_t *section_of(const server_rec *server)
{
    const server_rec *other;
    int nth = 0;

    for (other = server->next; other; other = other->next) {
        nth += is_at(other, server->defn_name, server->defn_line_number);
    }
    return find_section(ap_conftree, server, &nth);
}

/* @return the last one, which counts; those of virtual hosts further in do not */
static const ap_directive_t *find_last(const ap_directive_t *directive, const char *name)
{
    const ap_directive_t *found = NULL, *inside;

    for (; directive; directive = directive->next) {
        if (!is_called(directive, "<VirtualHost")) {
            inside = find_last(directive->first_child, name);
            found = inside ? inside : is_called(directive, name) ? directive : found;
        }
    }
    return found;
}

static const ap_directive_t *find_setting(const char *name, const server_rec *server)
{
    const ap_directive_t *section = server->is_virtual && server->defn_name ? section_of(server) : NULL;
    const ap_directive_t *own = section ? find_last(section->first_child, name) : NULL;

    return own ? own : find_last(ap_conftree, name);
}

const char *amlaps_sign_in_app_find(const server_rec *server, apr_pool_t *pool)
{
    const ap_directive_t *client = find_setting("OIDCClientID", server);
    const char *args = client ? client->args : NULL;

    /* With these the tokens may be for others. */
    if (find_setting("OIDCMetadataDir", server) || find_setting("OIDCIDTokenAudValues", server)) {
        return NULL;
    }
    return client ? ap_getword_conf(pool, &args) : NULL;
}

static int is_text(const amlaps_json_t *value, const char *text)
{
    const char *theirs = amlaps_json_text(value);

    return theirs && !strcmp(theirs, text);
}

apr_status_t amlaps_sign_in_app_check(amlaps_error_t *error, const char *app, const amlaps_person_t *person)
{
    const amlaps_json_t *audience = amlaps_json_member(person->claims, "aud");
    int found = !app || is_text(audience, app);
    apr_size_t i;

    for (i = 0; !found && i < amlaps_json_length(audience); i++) {
        found = is_text(amlaps_json_item(audience, i), app);
    }
    if (!found && amlaps_json_kind(audience) == AMLAPS_JSON_NONE) {
        return amlaps_error_set(error, AMLAPS_NOT_AUTHENTICATED, "AML0159", APR_EGENERAL,
                                "the claims do not say for which app the session is; let OIDCWhiteListedClaims and OIDCBlackListedClaims keep aud");
    }
    if (!found) {
        return amlaps_error_set(error, AMLAPS_NOT_AUTHENTICATED, "AML0159", APR_EGENERAL,
                                "the session is not of this virtual host's OIDCClientID %s; give each virtual host that has another one an "
                                "OIDCCryptoPassphrase and an OIDCCookie of its own", app);
    }
    return APR_SUCCESS;
}
