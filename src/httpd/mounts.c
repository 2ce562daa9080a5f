/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "lifecycle.h"

#include <apr_strings.h>
#include <http_core.h>

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

/* Nothing of ours is a file: httpd would look below DocumentRoot for what has the same name, and at the .htaccess files on the way. */
int amlaps_httpd_map_to_storage(request_rec *r)
{
    return ap_get_module_config(r->request_config, &amlaps_module) == ours ? OK : DECLINED;
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

/* <Location "/PATH">: no pattern, and no other section, since the path is where the API lives. */
static int stands_in_location(const ap_directive_t *directive)
{
    const ap_directive_t *section = directive->parent;
    const char *path = section ? section->args : "";

    return section && !ap_cstr_casecmp(section->directive, "<Location") && !strpbrk(path, "~*?[") && *(path += *path == '"') == '/';
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
