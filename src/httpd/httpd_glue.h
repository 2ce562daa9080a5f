/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_HTTPD_GLUE_H
#define AMLAPS_HTTPD_GLUE_H

/* What mod_amlaps.c hangs into httpd; each function's phase of life is its hook's. */

#include <httpd.h>
#include <http_config.h>
#include <http_protocol.h>
#include <http_request.h>

#include "config.h"

/* The one symbol that the module exports; everything else is hidden by -fvisibility. */
extern module AP_MODULE_DECLARE_DATA amlaps_module __attribute__((visibility("default")));
extern const command_rec amlaps_directives[];

int amlaps_httpd_pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp);
int amlaps_httpd_check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *main_server);
int amlaps_httpd_post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *main_server);
void amlaps_httpd_child_init(apr_pool_t *pchild, server_rec *main_server);
int amlaps_httpd_translate_name(request_rec *r);
int amlaps_httpd_map_to_storage(request_rec *r);
int amlaps_httpd_take_trace(request_rec *r);
int amlaps_httpd_type_checker(request_rec *r);
int amlaps_httpd_handler(request_rec *r);
int amlaps_httpd_status(request_rec *r, int flags);
int amlaps_httpd_prepare_api(request_rec *r);
void amlaps_httpd_insert_filter(request_rec *r);
void amlaps_httpd_insert_error_filter(request_rec *r);
void amlaps_httpd_register_filters(void);

#endif
