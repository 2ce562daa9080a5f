/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include "amlaps/text.h"
#include "transport_curl.h"

#define SAID_MOST 160

typedef struct letter_t {
    const char *text;
    apr_size_t left;
    int asked;            /* curl has read of it: sender and recipients were taken */
    int answered, taken;  /* taken: the server has it all, and what becomes of the connection is nothing to us */
    char said[SAID_MOST]; /* the last line of the server that counts */
} letter_t;

static size_t read_letter(char *target, size_t size, size_t count, void *baton)
{
    letter_t *letter = baton;
    const size_t room = size * count;
    const size_t length = letter->left < room ? letter->left : room;

    memcpy(target, letter->text, length);
    letter->text += length;
    letter->left -= length;
    letter->asked = 1;
    return length;
}

/* curl hands over each line of a reply by itself, also of that to QUIT, which is of no use. */
static size_t note_reply(char *line, size_t size, size_t count, void *baton)
{
    letter_t *letter = baton;
    const size_t length = size * count;

    if (letter->answered || (length >= 3 && memcmp(line, "221", 3) == 0)) {
        return length;
    }
    apr_cpystrn(letter->said, line, length < SAID_MOST ? length + 1 : SAID_MOST);
    letter->said[strcspn(letter->said, "\r\n")] = '\0';
    if (letter->asked && letter->left == 0 && letter->said[0] != '\0' && letter->said[strspn(letter->said, "0123456789")] != '-') {
        letter->answered = 1;
        letter->taken = letter->said[0] == '2';
    }
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
    code = code ? code : curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, note_reply);
    code = code ? code : curl_easy_setopt(handle, CURLOPT_HEADERDATA, letter);
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

static int code_of(const letter_t *letter)
{
    return (int)strtol(letter->said, NULL, 10);
}

/** Whether it was this mail that the server refused, not whoever brings it. */
static int is_about_mail(const letter_t *letter, CURLcode code)
{
    return code_of(letter) >= 400
           && (code == CURLE_SEND_ERROR || (letter->asked && (code == CURLE_WEIRD_SERVER_REPLY || code == CURLE_RECV_ERROR)));
}

/** curl's codes are about connections and logins; of all else that a server refuses it says that the answer is odd, or sending failed. */
static apr_status_t fail(amlaps_error_t *error, const amlaps_curl_exchange_t *exchange, const letter_t *letter, CURLcode code, apr_pool_t *pool)
{
    const int refused = code == CURLE_SEND_ERROR || code == CURLE_WEIRD_SERVER_REPLY || code == CURLE_RECV_ERROR || code == CURLE_REMOTE_ACCESS_DENIED;

    if (code_of(letter) < 400 || !refused) {
        return amlaps_curl_fail(error, exchange, code, pool);
    }
    return amlaps_error_set(error, exchange->faults->unreachable, exchange->faults->unreachable_id, APR_INCOMPLETE, "%s: %s: %s",
                            amlaps_curl_host(exchange->url, pool),
                            is_about_mail(letter, code) ? "the mail server refuses the mail, its sender or a recipient"
                                                        : "the mail server takes no mail from this machine",
                            amlaps_text_printable(letter->said, SAID_MOST, pool));
}

apr_status_t amlaps_curl_send(int *reply, amlaps_error_t *error, void *baton, const amlaps_mail_t *mail, apr_pool_t *pool)
{
    /* Some servers let a client wait for their greeting on purpose. */
    amlaps_curl_exchange_t exchange = {.url = mail->url, .ca_file = mail->ca_file, .timeout = mail->timeout, .connect = mail->timeout,
                                       .stop = mail->stop};
    letter_t letter = {.text = mail->text, .left = mail->length};
    CURLcode code = CURLE_OUT_OF_MEMORY;
    apr_status_t status = APR_SUCCESS;

    *reply = 0;
    exchange.over = &letter.taken;
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
    if (code != CURLE_OK && !letter.taken) {
        *reply = is_about_mail(&letter, code) ? code_of(&letter) : 0;
        status = fail(error, &exchange, &letter, code, pool);
    }
    amlaps_curl_end(&exchange, code, pool);
    curl_slist_free_all(to);
    return status;
}
