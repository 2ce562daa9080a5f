/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "request.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <http_log.h>

APLOG_USE_MODULE(amlaps);

/* Where the two data blocks of index.html begin. Data blocks are no scripts to browsers, so the content security policy holds. */
#define SESSION_HERE "id=\"session\">"
#define TEXTS_HERE "id=\"texts\">"
/* Behind the page's own style sheet, whose rules an admin's replace. */
#define STYLE_HERE "href=\"app.css\">"

#define TEXTS_MOST (256 * 1024) /* bytes of a catalogue of texts */
#define WISHES_MOST 16          /* languages of a browser that are looked for */
#define TAG_MOST 35             /* characters of a language tag, RFC 5646 4.4.1 */

/* JSON that cannot end the element it stands in: these three characters stand in texts alone, where an escape means the same. */
static const char *inside_html(const char *json, apr_pool_t *pool)
{
    apr_size_t count = 0;
    const char *from;
    char *result, *to;

    for (from = json; *from; from++) {
        count += *from == '<' || *from == '>' || *from == '&';
    }
    to = result = apr_palloc(pool, strlen(json) + count * 5 + 1);
    for (from = json; *from; from++) {
        if (*from == '<' || *from == '>' || *from == '&') {
            to += apr_snprintf(to, 7, "\\u%04x", *from);
        } else {
            *to++ = *from;
        }
    }
    *to = '\0';
    return result;
}

static const char *read_texts(const char *folder, const char *tag, apr_size_t length, apr_pool_t *pool)
{
    char *name = apr_pstrmemdup(pool, tag, length), *at, *text;
    apr_file_t *file;
    apr_finfo_t info;

    for (at = name; *at; at++) {
        *at = (char)apr_tolower(*at);
    }
    if (apr_file_open(&file, apr_pstrcat(pool, folder, "/i18n/", name, ".json", NULL), APR_FOPEN_READ | APR_FOPEN_BINARY, 0, pool) != APR_SUCCESS ||
        apr_file_info_get(&info, APR_FINFO_SIZE | APR_FINFO_TYPE, file) != APR_SUCCESS || info.filetype != APR_REG || info.size > TEXTS_MOST) {
        return NULL;
    }
    text = apr_pcalloc(pool, (apr_size_t)info.size + 1);
    return apr_file_read_full(file, text, (apr_size_t)info.size, NULL) == APR_SUCCESS ? text : NULL;
}

/* The texts of a language, else of the language that the tag begins with. A tag of anything but letters, digits and '-' is none. */
static const char *texts_of(const char *folder, const char *tag, apr_pool_t *pool)
{
    apr_size_t length = 0, primary = 0;
    const char *texts;

    for (; apr_isalnum(tag[length]) || (tag[length] == '-' && length); length++) {
        if (!primary && tag[length] == '-') {
            primary = length;
        }
    }
    if (!length || length > TAG_MOST || tag[length]) {
        return NULL;
    }
    texts = read_texts(folder, tag, length, pool);
    return texts || !primary ? texts : read_texts(folder, tag, primary, pool);
}

typedef struct wish_t {
    const char *tag;
    double weight;
} wish_t;

/* Heaviest first, then as the browser names them. */
static void add_wish(wish_t wishes[WISHES_MOST], int *count, const char *tag, double weight)
{
    int at = *count;

    for (; at > 0 && wishes[at - 1].weight < weight; at--) {
        wishes[at] = wishes[at - 1];
    }
    wishes[at].tag = tag;
    wishes[at].weight = weight;
    (*count)++;
}

/* Accept-Language, RFC 9110 12.5.4. */
static int read_wishes(wish_t wishes[WISHES_MOST], const char *header, apr_pool_t *pool)
{
    int count = 0;

    while (header && *header && count < WISHES_MOST) {
        char *tag = ap_getword(pool, &header, ','), *parameters = strchr(tag, ';'), *q = parameters ? strstr(parameters, "q=") : NULL;
        double weight = q ? strtod(q + 2, NULL) : 1;

        if (parameters) {
            *parameters = '\0';
        }
        apr_collapse_spaces(tag, tag);
        if (weight > 0) {
            add_wish(wishes, &count, tag, weight);
        }
    }
    return count;
}

static const char *choose_texts(const amlaps_request_t *request, const char *folder)
{
    apr_pool_t *pool = request->r->pool;
    wish_t wishes[WISHES_MOST];
    int count = read_wishes(wishes, apr_table_get(request->r->headers_in, "Accept-Language"), pool), i;
    const char *texts = request->config->language ? texts_of(folder, request->config->language, pool) : NULL;

    for (i = 0; i < count && !texts; i++) {
        texts = texts_of(folder, wishes[i].tag, pool);
    }
    if (!texts && !(texts = texts_of(folder, "en", pool))) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, request->r, "AML0183: %s/i18n/en.json can't be read; run make install, or name the page's "
                      "folder with AMLapsHtdocs", folder);
        texts = "";
    }
    return texts;
}

/* The session, or the problem that stands in its way. A title that no admin wrote is one of the page's texts, in the person's language. */
static const char *session_json(amlaps_request_t *request)
{
    apr_pool_t *pool = request->r->pool;
    amlaps_json_t *block = amlaps_json_make_object(pool), *session, *problem;
    amlaps_error_t error = { 0 };
    int status;

    if (amlaps_api_admit(&error, request) == APR_SUCCESS) {
        session = amlaps_api_session_json(request);
        if (!request->config->title) {
            amlaps_json_set_null(amlaps_json_member(session, "ui"), "title");
        }
        amlaps_json_set(block, "session", session);
    } else {
        problem = amlaps_respond_problem_told(&status, request, &error);
        if (error.code == AMLAPS_NOT_AUTHENTICATED && error.told) {
            /* Not a session that has ended, of which the page speaks: its button would lead back here. */
            amlaps_json_set_text(problem, "code", "unusable");
        }
        amlaps_json_set(block, "problem", problem);
    }
    return amlaps_json_canonical(block, pool);
}

/* `html` with `content` behind `mark`; as it is where there is no mark. */
static const char *insert(const char *html, const char *mark, const char *content, apr_pool_t *pool)
{
    const char *at = strstr(html, mark);

    return at ? apr_pstrcat(pool, apr_pstrmemdup(pool, html, (apr_size_t)(at - html) + strlen(mark)), content, at + strlen(mark), NULL) : html;
}

int amlaps_page_start(amlaps_request_t *request, apr_file_t *file, apr_size_t size, const char *folder)
{
    request_rec *r = request->r;
    char *html = apr_pcalloc(r->pool, size + 1);
    const char *page;

    if (apr_file_read_full(file, html, size, NULL) != APR_SUCCESS) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, "AML0184: %s/index.html can't be read to its end; look whether it is being replaced", folder);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    /* What is inserted last is looked for first, so that no inserted text is taken for a mark. */
    page = insert(html, TEXTS_HERE, inside_html(choose_texts(request, folder), r->pool), r->pool);
    if (request->config->style) {
        page = insert(page, STYLE_HERE, apr_pstrcat(r->pool, "\n<link rel=\"stylesheet\" href=\"", request->config->style, "\">", NULL), r->pool);
    }
    page = insert(page, SESSION_HERE, inside_html(session_json(request), r->pool), r->pool);
    return amlaps_respond_page(r, page);
}
