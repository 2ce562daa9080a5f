/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "request.h"

static const struct {
    const char *name, *value;
} headers[] = {
    { "Content-Security-Policy",
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
      "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'" },
    { "Permissions-Policy",
      "clipboard-write=(self), clipboard-read=(), camera=(), microphone=(), geolocation=(), display-capture=(), payment=(), usb=()" },
    { "X-Content-Type-Options", "nosniff" },
    { "Referrer-Policy", "no-referrer" },
    { "Cross-Origin-Opener-Policy", "same-origin" },
    { "Cross-Origin-Resource-Policy", "same-origin" },
};

void amlaps_headers_set(request_rec *r, int store)
{
    size_t i;

    /* err_headers_out: the table that survives when httpd makes an answer of its own out of this request. */
    for (i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        apr_table_setn(r->err_headers_out, headers[i].name, headers[i].value);
    }
    apr_table_setn(r->err_headers_out, "Cache-Control", store ? "no-cache" : "no-store");
    /* What is made anew for each request has no parts: httpd would cut a password in pieces, or say 416 after it was recorded as granted. */
    if (!store) {
        apr_table_unset(r->headers_in, "Range");
        apr_table_unset(r->headers_in, "Request-Range");
    }
    /* mod_cache answers before anybody is asked to sign in, and can be told to keep what says no-store or no-cache. */
    apr_table_setn(r->subprocess_env, "no-cache", "1");
}
