/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "lifecycle.h"

#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>

APLOG_USE_MODULE(amlaps);

/*
 * Where the API lives is where the admin put `SetHandler amlaps`. A per-directory configuration of our own would see every <Location> that
 * matches, also <Location "/">; so the core's own sections are read. SetHandler is an expression to the core, which only a request evaluates:
 * what the configuration gives are candidates.
 */
void amlaps_mounts_find(server_rec *server, apr_pool_t *pool)
{
    const core_server_config *core = ap_get_core_module_config(server->module_config);
    amlaps_config_t *config = amlaps_config_of(server);
    int i;

    config->mounts = apr_array_make(pool, 2, sizeof(amlaps_mount_t));
    for (i = 0; i < core->sec_url->nelts; i++) {
        const ap_conf_vector_t *section = APR_ARRAY_IDX(core->sec_url, i, ap_conf_vector_t *);
        const core_dir_config *location = ap_get_core_module_config(section);
        amlaps_mount_t *mount;
        apr_size_t length;

        if (!location->expr_handler || location->r || location->d_is_fnmatch || !location->d) {
            continue;
        }
        length = strlen(location->d);
        while (length && location->d[length - 1] == '/') {
            length--;
        }
        mount = apr_array_push(config->mounts);
        mount->path = apr_pstrmemdup(pool, location->d, length);
        mount->length = length;
        mount->handler = location->expr_handler;
    }
}

static int is_ours(const amlaps_mount_t *mount, request_rec *r)
{
    const char *mistake = NULL, *handler = ap_expr_str_exec(r, mount->handler, &mistake);

    return !mistake && handler && !strcmp(handler, "amlaps");
}

const amlaps_mount_t *amlaps_mount_of(request_rec *r)
{
    const amlaps_config_t *config = amlaps_config_of(r->server);
    const amlaps_mount_t *best = NULL;
    int i;

    for (i = 0; config->mounts && i < config->mounts->nelts; i++) {
        const amlaps_mount_t *mount = &APR_ARRAY_IDX(config->mounts, i, amlaps_mount_t);

        if (r->uri && !strncmp(r->uri, mount->path, mount->length) &&
            (r->uri[mount->length] == '/' || !r->uri[mount->length]) && (!best || mount->length > best->length) && is_ours(mount, r)) {
            best = mount;
        }
    }
    return best;
}

static const char ours[] = "ours";

/* The last moment at which sections count before httpd looks for a file: a <Location> inside ours may have another handler, which wants its files. */
int amlaps_httpd_translate_name(request_rec *r)
{
    const core_dir_config *location = ap_get_core_module_config(r->per_dir_config);
    amlaps_mount_t mount = { .handler = location->expr_handler };

    if (mount.handler && is_ours(&mount, r)) {
        ap_set_module_config(r->request_config, &amlaps_module, (void *)ours);
    }
    return DECLINED;
}

/*
 * Nothing of ours is a file: httpd would look below DocumentRoot for what has the same name, and at the .htaccess files on the way. What mod_rewrite
 * has led out of the Location is a file like others, and what its folder says counts.
 */
int amlaps_httpd_map_to_storage(request_rec *r)
{
    return ap_get_module_config(r->request_config, &amlaps_module) == ours && amlaps_mount_of(r) ? OK : DECLINED;
}

/* Unless TraceEnable is off httpd would give back what was sent, the session cookie too, before anybody is asked to sign in. */
int amlaps_httpd_take_trace(request_rec *r)
{
    const core_server_config *core = ap_get_core_module_config(r->server->module_config);

    return r->method_number == M_TRACE && core->trace_enable != AP_TRACE_DISABLE ? amlaps_httpd_map_to_storage(r) : DECLINED;
}

/* With MultiViews mod_negotiation would look for files of like names, and answer 403 since their folder is not there. */
int amlaps_httpd_type_checker(request_rec *r)
{
    return (ap_allow_options(r) & OPT_MULTI) ? amlaps_httpd_map_to_storage(r) : DECLINED;
}

/* As httpd reads it: the value may stand in quotes. */
static int sets_ours(const ap_directive_t *directive, apr_pool_t *pool)
{
    const char *args = directive->args;

    return directive->directive && !ap_cstr_casecmp(directive->directive, "SetHandler") && !strcmp(ap_getword_conf(pool, &args), "amlaps") && !*args;
}

/* The n-th `SetHandler amlaps` of the tree, in its order. */
static const ap_directive_t *find_handler(const ap_directive_t *directive, int *nth, apr_pool_t *pool)
{
    for (; directive; directive = directive->next) {
        const ap_directive_t *inside = directive->first_child ? find_handler(directive->first_child, nth, pool) : NULL;

        if (inside) {
            return inside;
        }
        if (sets_ours(directive, pool) && (*nth)-- == 0) {
            return directive;
        }
    }
    return NULL;
}

/* <Location "/PATH">, in quotes of either kind or none: no pattern, and no other section, since the path is where the API lives. */
static int stands_in_location(const ap_directive_t *directive)
{
    const ap_directive_t *section = directive->parent;
    const char *path = section ? section->args : "";

    return section && !ap_cstr_casecmp(section->directive, "<Location") && !strpbrk(path, "~*?[") && *(path += *path == '"' || *path == '\'') == '/';
}

const char *amlaps_mounts_written(const char **mistake, apr_pool_t *pool)
{
    const ap_directive_t *directive, *first = NULL;
    int i, nth;

    *mistake = NULL;
    for (i = 0; nth = i, (directive = find_handler(ap_conftree, &nth, pool)); i++) {
        first = first ? first : directive;
        if (!stands_in_location(directive)) {
            *mistake = apr_psprintf(pool, "%s:%d: SetHandler amlaps works inside <Location \"/PATH\"> alone, without a pattern; move it there",
                                    directive->filename, directive->line_num);
        }
    }
    return first ? apr_psprintf(pool, "%s:%d", first->filename, first->line_num) : NULL;
}

/* @return the virtual host that the directive stands in, or NULL */
static const server_rec *host_of(const ap_directive_t *directive, const server_rec *server)
{
    const ap_directive_t *section = directive->parent;

    while (section && ap_cstr_casecmp(section->directive, "<VirtualHost")) {
        section = section->parent;
    }
    while (section && server && !(server->is_virtual && server->defn_line_number == (unsigned)section->line_num &&
                                  !strcmp(server->defn_name, section->filename))) {
        server = server->next;
    }
    return section ? server : NULL;
}

const char *amlaps_mounts_idle(const server_rec **host, const server_rec *main_server, apr_pool_t *pool)
{
    const ap_directive_t *directive;
    int i, nth;

    *host = NULL;
    for (i = 0; nth = i, (directive = find_handler(ap_conftree, &nth, pool)); i++) {
        *host = host_of(directive, main_server);
        if (*host && !amlaps_config_active(amlaps_config_of(*host))) {
            return apr_psprintf(pool, "%s:%d", directive->filename, directive->line_num);
        }
    }
    return NULL;
}

/* How mod_authz_core is asked about its part of a section, which is its own alone, and not there where the section says nothing of it. */
typedef struct authz_t {
    const module *module;
    APR_OPTIONAL_FN_TYPE(authz_some_auth_required) *requires;
} authz_t;

/* @return 1 where the section has a Require, in whatever container, or an <If> in it has one, which a request may fulfil */
static int has_require(const ap_conf_vector_t *section, const authz_t *authz)
{
    const core_dir_config *core = ap_get_core_module_config(section);
    request_rec r = { .per_dir_config = (ap_conf_vector_t *)section, .method_number = M_GET };
    int i, found = ap_get_module_config(section, authz->module) && authz->requires(&r);

    for (i = 0; core->sec_if && i < core->sec_if->nelts && !found; i++) {
        found = has_require(APR_ARRAY_IDX(core->sec_if, i, ap_conf_vector_t *), authz);
    }
    return found;
}

/* Whether the section can count for what the mount serves. One inside the mount that has a handler of its own, such as one for health, does not. */
static int may_count(const core_dir_config *location, const amlaps_mount_t *mount)
{
    apr_size_t length;

    if (location->r || location->d_is_fnmatch || !location->d) {
        return 1;
    }
    length = strlen(location->d);
    while (length && location->d[length - 1] == '/') {
        length--;
    }
    if (length <= mount->length) {
        return !strncmp(location->d, mount->path, length) && (mount->path[length] == '/' || !mount->path[length]);
    }
    return !strncmp(location->d, mount->path, mount->length) && location->d[mount->length] == '/' && !location->expr_handler;
}

/*
 * @return 1 where `Require all granted` stands in the Location of this SetHandler itself: of several lines one is enough, so httpd never asks who
 * somebody is. What a container makes of it is for a request to show.
 */
static int lets_everybody_in(const ap_directive_t *handler)
{
    const ap_directive_t *directive;
    int granted = 0;

    for (directive = handler->parent->first_child; directive; directive = directive->next) {
        if (*directive->directive == '<') {
            return 0;
        }
        granted |= !ap_cstr_casecmp(directive->directive, "Require") && !ap_cstr_casecmp(directive->args, "all granted");
    }
    return granted;
}

/* Folders do not count: nothing of ours is a file. */
static int may_require(const server_rec *server, const amlaps_mount_t *mount, const ap_directive_t *handler, const authz_t *authz)
{
    const core_server_config *core = ap_get_core_module_config(server->module_config);
    int i, found = has_require(server->lookup_defaults, authz);

    for (i = 0; i < core->sec_url->nelts && !found; i++) {
        const ap_conf_vector_t *section = APR_ARRAY_IDX(core->sec_url, i, ap_conf_vector_t *);

        const core_dir_config *location = ap_get_core_module_config(section);

        found = may_count(location, mount) && has_require(section, authz) &&
                !(location->expr_handler == mount->handler && lets_everybody_in(handler));
    }
    return found;
}

/* Virtual hosts inherit Locations, and may add the Require. */
static int is_open(const server_rec *server, const ap_directive_t *directive, const authz_t *authz)
{
    int i, stands = 0;

    for (; server; server = server->next) {
        const apr_array_header_t *mounts = amlaps_config_of(server)->mounts;

        for (i = 0; i < mounts->nelts; i++) {
            const amlaps_mount_t *mount = &APR_ARRAY_IDX(mounts, i, amlaps_mount_t);

            if (mount->handler->line_number == (unsigned)directive->line_num && !strcmp(mount->handler->filename, directive->filename)) {
                if (may_require(server, mount, directive, authz)) {
                    return 0;
                }
                stands = 1;
            }
        }
    }
    return stands;
}

void amlaps_mounts_warn(const server_rec *main_server, apr_pool_t *pool)
{
    const authz_t authz = { ap_find_linked_module("mod_authz_core.c"), APR_RETRIEVE_OPTIONAL_FN(authz_some_auth_required) };
    const ap_directive_t *directive;
    int i, nth;

    for (i = 0; authz.module && authz.requires && (nth = i, (directive = find_handler(ap_conftree, &nth, pool))); i++) {
        if (is_open(main_server, directive, &authz)) {
            ap_log_error(APLOG_MARK, APLOG_WARNING, 0, main_server, "AML0139: %s:%d: nothing asks anybody to sign in where this SetHandler amlaps "
                         "stands; write Require valid-user beside AuthType openid-connect", directive->filename, directive->line_num);
        }
    }
}
