/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <string.h>
#include <strings.h>

#include "transport_curl.h"

typedef struct letter_t {
    const char *text;
    apr_size_t left;
} letter_t;

static size_t read_letter(char *target, size_t size, size_t count, void *baton)
{
    letter_t *letter = baton;
    const size_t room = size * count;
    const size_t length = letter->left < room ? letter->left : room;

    memcpy(target, letter->text, length);
    letter->text += length;
    letter->left -= length;
    return length;
}

/* What a mail server says beside its replies is of no use. */
static size_t drop(char *bytes, size_t size, size_t count, void *baton)
{
    (void)bytes, (void)baton;
    return size * count;
}

static CURLcode set_login(CURL *handle, const amlaps_mail_t *mail)
{
    CURLcode code = CURLE_OK;

    if (mail->user) {
        code = curl_easy_setopt(handle, CURLOPT_USERNAME, mail->user);
        code = code ? code : curl_easy_setopt(handle, CURLOPT_PASSWORD, mail->password->bytes);
    }
    return code;
}

static CURLcode set_letter(CURL *handle, const amlaps_mail_t *mail, struct curl_slist *to, letter_t *letter)
{
    CURLcode code = curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, strncasecmp(mail->url, "smtps://", 8) == 0 ? "smtps" : "smtp");

    code = code ? code : curl_easy_setopt(handle, CURLOPT_USE_SSL, mail->clear ? (long)CURLUSESSL_NONE : (long)CURLUSESSL_ALL);
    code = code ? code : curl_easy_setopt(handle, CURLOPT_MAIL_FROM, mail->from);
    code = code ? code : curl_easy_setopt(handle, CURLOPT_MAIL_RCPT, to);
    code = code ? code : curl_easy_setopt(handle, CURLOPT_UPLOAD, 1L);
    code = code ? code : curl_easy_setopt(handle, CURLOPT_READFUNCTION, read_letter);
    code = code ? code : curl_easy_setopt(handle, CURLOPT_READDATA, letter);
    code = code ? code : curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, drop);
    /* Mail servers drop idle clients, and some count them against their sender. */
    return code ? code : curl_easy_setopt(handle, CURLOPT_FORBID_REUSE, 1L);
}

static struct curl_slist *recipients(const amlaps_mail_t *mail)
{
    struct curl_slist *list = NULL;

    for (const char *const *to = mail->to; *to; to++) {
        struct curl_slist *more = curl_slist_append(list, *to);

        if (!more) {
            curl_slist_free_all(list);
            return NULL;
        }
        list = more;
    }
    return list;
}

apr_status_t amlaps_curl_send(int *reply, amlaps_error_t *error, void *baton, const amlaps_mail_t *mail, apr_pool_t *pool)
{
    /* Some servers let a client wait for their greeting on purpose. */
    amlaps_curl_exchange_t exchange = {.url = mail->url, .ca_file = mail->ca_file, .timeout = mail->timeout, .connect = mail->timeout,
                                       .stop = mail->stop};
    letter_t letter = {mail->text, mail->length};
    CURLcode code = CURLE_OUT_OF_MEMORY;
    apr_status_t status = APR_SUCCESS;
    long said = 0;

    *reply = 0;
    if (amlaps_curl_begin(&exchange, error, baton, pool) != APR_SUCCESS) {
        return error->status;
    }
    struct curl_slist *to = recipients(mail);
    if (to) {
        code = amlaps_curl_secure(&exchange, mail->clear);
        code = code ? code : set_letter(exchange.handle, mail, to, &letter);
        code = code ? code : set_login(exchange.handle, mail);
        code = code ? code : amlaps_curl_perform(&exchange);
    }
    curl_easy_getinfo(exchange.handle, CURLINFO_RESPONSE_CODE, &said);
    *reply = (int)said;
    if (code != CURLE_OK) {
        status = amlaps_curl_fail(error, &exchange, code, pool);
    }
    amlaps_curl_end(&exchange, code, pool);
    curl_slist_free_all(to);
    return status;
}
