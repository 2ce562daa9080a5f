/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "request.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>

APLOG_USE_MODULE(amlaps);

/* What the page consists of; anything else in the folder is not served. */
static const struct {
    const char *extension, *type;
} types[] = {
    { ".html", "text/html; charset=utf-8" },
    { ".css", "text/css; charset=utf-8" },
    { ".js", "text/javascript; charset=utf-8" },
    { ".json", "application/json; charset=utf-8" },
    { ".svg", "image/svg+xml; charset=utf-8" },
    { ".png", "image/png" },
    { ".ico", "image/x-icon" },
};

static const char *type_of(const char *path)
{
    const char *dot = strrchr(path, '.');
    size_t i;

    for (i = 0; dot && i < sizeof(types) / sizeof(types[0]); i++) {
        if (!strcmp(dot, types[i].extension)) {
            return types[i].type;
        }
    }
    return NULL;
}

/* Letters, digits, '-', '_' and '.', in folders; no name begins with a dot, so nothing leads out of the folder. */
static int is_plain(const char *path)
{
    int start = 1;

    for (; *path; path++) {
        if (*path == '/') {
            if (start) {
                return 0;
            }
            start = 1;
        } else if (apr_isalnum(*path) || *path == '-' || *path == '_' || (*path == '.' && !start)) {
            start = 0;
        } else {
            return 0;
        }
    }
    return !start;
}

static int no_such_file(const amlaps_request_t *request)
{
    amlaps_error_t error = { 0 };

    amlaps_error_set(&error, AMLAPS_NOT_FOUND, "AML0180", APR_EGENERAL, "There is no such file.");
    return amlaps_respond_problem(request, &error);
}

static int send_file(request_rec *r, apr_file_t *file, const apr_finfo_t *info)
{
    apr_bucket_brigade *brigade = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    int status;

    ap_update_mtime(r, info->mtime);
    ap_set_last_modified(r);
    apr_table_setn(r->headers_out, "ETag", apr_psprintf(r->pool, "\"%" APR_UINT64_T_HEX_FMT "-%" APR_UINT64_T_HEX_FMT "\"",
                                                        (apr_uint64_t)info->size, (apr_uint64_t)info->mtime));
    if ((status = ap_meets_conditions(r)) != OK) {
        return status;
    }
    ap_set_content_length(r, info->size);
    apr_brigade_insert_file(brigade, file, 0, info->size, r->pool);
    APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_eos_create(brigade->bucket_alloc));
    ap_pass_brigade(r->output_filters, brigade);
    return OK;
}

int amlaps_page_serve(amlaps_request_t *request)
{
    request_rec *r = request->r;
    const char *path = *request->path ? request->path : "index.html", *type = type_of(path);
    const char *folder = amlaps_config_htdocs(request->config), *full = apr_pstrcat(r->pool, folder, "/", path, NULL);
    int is_start = !strcmp(path, "index.html");
    amlaps_error_t error = { 0 };
    apr_finfo_t info;
    apr_file_t *file;

    /* The page itself is never kept, so that signing out ends it; its parts are asked for again by their ETag. */
    amlaps_headers_set(r, !is_start);
    if (r->method_number != M_GET) {
        apr_table_setn(r->err_headers_out, "Allow", "GET, HEAD");
        amlaps_error_set(&error, AMLAPS_METHOD_NOT_ALLOWED, "AML0182", APR_EGENERAL, "Use GET or HEAD here.");
        return amlaps_respond_problem(request, &error);
    }
    if (!type || !is_plain(path)) {
        return no_such_file(request);
    }
    if (apr_file_open(&file, full, APR_FOPEN_READ | APR_FOPEN_BINARY | APR_FOPEN_SENDFILE_ENABLED, 0, r->pool) != APR_SUCCESS) {
        if (is_start) {
            ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, "AML0181: %s can't be read; run make install, or name the page's folder with "
                          "AMLapsHtdocs", full);
        }
        return no_such_file(request);
    }
    if (apr_file_info_get(&info, APR_FINFO_SIZE | APR_FINFO_MTIME | APR_FINFO_TYPE, file) != APR_SUCCESS || info.filetype != APR_REG) {
        return no_such_file(request);
    }
    ap_set_content_type(r, type);
    return is_start ? amlaps_page_start(request, file, (apr_size_t)info.size, folder) : send_file(r, file, &info);
}
