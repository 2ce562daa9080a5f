/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "when_grammar.h"

#include <apr_lib.h>
#include <apr_strings.h>

#include "amlaps/policy.h"
#include "amlaps/text.h"

/*
 * A condition is httpd's expression language but for three things. `device_groups()` reads better than with the argument that the grammar
 * wants. GUIDs sought there may be in any letter case, as everywhere in a rule. And patterns are matched in linear time: PCRE, which httpd
 * would use, may give up, which httpd takes for "no match", and a denial would be lost.
 */
typedef struct writer_t {
    const char *at;
    char *out;
    apr_array_header_t *patterns;
    apr_pool_t *pool;
    const char *mistake;
} writer_t;

/* 'GUID' in device_groups(): httpd compares letter by letter, and the device's groups are in lower case. @param from the text in quotes */
static void lower_group(char *from, const writer_t *writer)
{
    const char *rest = writer->at + strspn(writer->at, " \t");
    char guid[AMLAPS_GUID_LENGTH + 1];

    *writer->out = '\0';
    rest += *rest == '-';
    if (!strncmp(rest, "in", 2) && amlaps_text_guid(guid, from)) {
        rest += 2 + strspn(rest + 2, " \t");
        if (!ap_cstr_casecmpn(rest, "device_groups", 13)) {
            memcpy(from, guid, AMLAPS_GUID_LENGTH);
        }
    }
}

/* $1 is what a pattern matched before; no such thing is kept here. */
static void refuse_match(writer_t *writer)
{
    if (writer->at[0] == '$' && apr_isdigit(writer->at[1])) {
        writer->mistake = apr_psprintf(writer->pool, "'$%c' can't be used in a rule's condition; write \\$%c for the text", writer->at[1],
                                       writer->at[1]);
    }
}

/* `at` stands on the quote. Text in quotes is left alone. */
static void put_quoted(writer_t *writer)
{
    char quote = *writer->at, *from;

    *writer->out++ = *writer->at++;
    from = writer->out;
    while (*writer->at && *writer->at != quote) {
        refuse_match(writer);
        if (*writer->at == '\\' && writer->at[1]) {
            *writer->out++ = *writer->at++;
        }
        *writer->out++ = *writer->at++;
    }
    if (*writer->at) {
        writer->at++;
        lower_group(from, writer);
        *writer->out++ = quote;
    }
}

/* httpd takes a regular expression up to the next delimiter, whatever stands before that. @return where it begins, or NULL */
static const char *find_pattern(const char **end, const char *at)
{
    at += strspn(at, " \t");
    if (*at == 'm' && at[1] && !apr_isalnum(at[1]) && !apr_isspace(at[1])) {
        at++;
    } else if (*at != '/') {
        return NULL;
    }
    *end = ap_strchr_c(at + 1, *at);
    return *end ? at + 1 : NULL;
}

/* `at` stands on =~ or !~. */
static void put_pattern(writer_t *writer)
{
    const char *end, *text = find_pattern(&end, writer->at + 2), *fold = "", *mistake;
    const amlaps_pattern_t *pattern;
    int missing = *writer->at == '!';

    if (!text) {
        *writer->out++ = *writer->at++;
        *writer->out++ = *writer->at++;
        return;
    }
    text = apr_pstrmemdup(writer->pool, text, (apr_size_t)(end - text));
    for (writer->at = end + 1; apr_isalpha(*writer->at); writer->at++) {
        if (*writer->at != 'i') {
            writer->mistake = apr_psprintf(writer->pool, "the flag '%c' can't stand behind a pattern here; i can", *writer->at);
            return;
        }
        fold = "(?i)";
    }
    if ((mistake = amlaps_pattern_make(&pattern, apr_pstrcat(writer->pool, fold, text, NULL), writer->pool))) {
        writer->mistake = apr_psprintf(writer->pool, "in the pattern %s: %s", text, mistake);
        return;
    }
    writer->out += sprintf(writer->out, " -%s '%d' ", missing ? AMLAPS_WHEN_MISSING : AMLAPS_WHEN_FOUND, writer->patterns->nelts);
    APR_ARRAY_PUSH(writer->patterns, const amlaps_pattern_t *) = pattern;
}

const char *amlaps_when_to_grammar(const char **grammar, apr_array_header_t *patterns, const char *text, apr_pool_t *pool)
{
    /* The longest gain is that of `=~//`. */
    char *made = apr_palloc(pool, strlen(text) * 8 + 1);
    writer_t writer = { .at = text, .out = made, .patterns = patterns, .pool = pool };

    while (*writer.at && !writer.mistake) {
        if (*writer.at == '\'' || *writer.at == '"') {
            put_quoted(&writer);
        } else if ((*writer.at == '=' || *writer.at == '!') && writer.at[1] == '~') {
            put_pattern(&writer);
        } else if (*writer.at == '(' && writer.at[1] == ')') {
            memcpy(writer.out, "('')", 4);
            writer.out += 4;
            writer.at += 2;
        } else {
            refuse_match(&writer);
            *writer.out++ = *writer.at++;
        }
    }
    *writer.out = '\0';
    *grammar = made;
    return writer.mistake;
}
