/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "src/httpd/httpd_glue.h"

#include <mod_status.h>

/*
 * The order of the hooks, and nothing else. What each does stands in src/httpd/.
 *
 * pre_config comes when the directives are read and before they are looked at. check_config runs for `apachectl configtest` too (post_config does
 * not), so that all checks stand there. post_config acts as root: it opens copies of the audit and prepares the store. child_init opens everything
 * that has threads, sockets or handles.
 * post_read_request is the first hook that knows the address, access_checker the last before mod_auth_openidc decides how to treat a request
 * without a session.
 */
static void register_hooks(apr_pool_t *pool)
{
    (void)pool;
    ap_hook_pre_config(amlaps_httpd_pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_check_config(amlaps_httpd_check_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(amlaps_httpd_post_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(amlaps_httpd_child_init, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_read_request(amlaps_httpd_prepare_api, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_access_checker(amlaps_httpd_prepare_api, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_translate_name(amlaps_httpd_translate_name, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_map_to_storage(amlaps_httpd_take_trace, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_map_to_storage(amlaps_httpd_map_to_storage, NULL, NULL, APR_HOOK_LAST);
    ap_hook_type_checker(amlaps_httpd_type_checker, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_handler(amlaps_httpd_handler, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_insert_filter(amlaps_httpd_insert_filter, NULL, NULL, APR_HOOK_LAST);
    ap_hook_insert_error_filter(amlaps_httpd_insert_error_filter, NULL, NULL, APR_HOOK_LAST);
    APR_OPTIONAL_HOOK(ap, status_hook, amlaps_httpd_status, NULL, NULL, APR_HOOK_MIDDLE);
    amlaps_httpd_register_filters();
}

AP_DECLARE_MODULE(amlaps) = {
    STANDARD20_MODULE_STUFF,
    NULL,
    NULL,
    amlaps_config_create,
    amlaps_config_merge,
    amlaps_directives,
    register_hooks,
    AP_MODULE_FLAG_ALWAYS_MERGE,
};
