/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Loaded into httpd: leaves what a build of mod_amlaps that counted less left before a reload: memory of another form, here one that nobody may touch. */
#include <httpd.h>
#include <http_config.h>
#include <sys/mman.h>

static int leave(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    void **kept = ap_retained_data_create("mod_amlaps: counts", sizeof(*kept));

    (void)pconf, (void)plog, (void)ptemp;
    *kept = mmap(NULL, 4096, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return OK;
}

static void register_hooks(apr_pool_t *pool)
{
    (void)pool;
    ap_hook_pre_config(leave, NULL, NULL, APR_HOOK_FIRST);
}

AP_DECLARE_MODULE(older_counts) = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks, 0
};
