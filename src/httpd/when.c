/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "when.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <arpa/inet.h>
#include <http_log.h>

#include "amlaps/text.h"
#include "when_words.h"

APLOG_USE_MODULE(amlaps);

struct amlaps_when_t {
    ap_expr_info_t *expression;
    const char *text;
    int needs;
};

/* 'GUID' in device_groups(): httpd compares letter by letter, and the device's groups are in lower case. @param from the text in quotes */
static void lower_group(char *from, char *to, const char *rest)
{
    char guid[AMLAPS_GUID_LENGTH + 1];

    *to = '\0';
    rest += strspn(rest, " \t");
    rest += *rest == '-';
    if (to - from == AMLAPS_GUID_LENGTH && !strncmp(rest, "in", 2) && amlaps_text_guid(guid, from)) {
        rest += 2 + strspn(rest + 2, " \t");
        if (!ap_cstr_casecmpn(rest, "device_groups", 13)) {
            memcpy(from, guid, AMLAPS_GUID_LENGTH);
        }
    }
}

/*
 * The grammar wants an argument in every call; `device_groups()` reads better without. Text in quotes is left alone, but for GUIDs that are
 * sought there, which may be in any letter case as everywhere in a rule.
 */
static const char *to_grammar(const char *text, apr_pool_t *pool)
{
    char *filled = apr_palloc(pool, strlen(text) * 2 + 1), *out = filled, *quoted = filled;
    char quote = '\0';

    for (; *text; text++) {
        *out++ = *text;
        if (quote) {
            if (*text == '\\' && text[1]) {
                *out++ = *++text;
            } else if (*text == quote) {
                lower_group(quoted, out - 1, text + 1);
                out[-1] = quote;
                quote = '\0';
            }
        } else if (*text == '\'' || *text == '"') {
            quote = *text;
            quoted = out;
        } else if (*text == '(' && text[1] == ')') {
            *out++ = '\'';
            *out++ = '\'';
        }
    }
    *out = '\0';
    return filled;
}

/* httpd takes a regular expression up to the next delimiter, whatever stands before that. @return where it ends, or NULL */
static const char *find_pattern(const char **end, const char *text)
{
    char delimiter;

    while (apr_isspace(*text)) {
        text++;
    }
    if (*text == 'm' && text[1]) {
        text++;
    }
    delimiter = *text ? *text++ : '\0';
    *end = delimiter ? strchr(text, delimiter) : NULL;
    return *end ? text : NULL;
}

/*
 * PCRE, which httpd matches with, backtracks: some patterns take it exponential time. What AMLapsReason takes needs no such thing, so the same
 * patterns are allowed here.
 */
static const char *check_patterns(const char *text, apr_pool_t *pool)
{
    char quote = '\0';

    for (; *text; text++) {
        const char *pattern, *end, *mistake;

        if (quote || *text == '\'' || *text == '"') {
            quote = !quote ? *text : *text == quote ? '\0' : quote;
            text += *text == '\\' && text[1] ? 1 : 0;
            continue;
        }
        if ((*text != '=' && *text != '!') || text[1] != '~' || !(pattern = find_pattern(&end, text + 2))) {
            continue;
        }
        pattern = apr_pstrmemdup(pool, pattern, (apr_size_t)(end - pattern));
        if ((mistake = amlaps_rule_set_reason(amlaps_rule_make("pattern", NULL, NULL, pool), "optional", pattern, NULL))) {
            return apr_psprintf(pool, "in the pattern %s: %s", pattern, mistake);
        }
        text = end;
    }
    return NULL;
}

int amlaps_when_is_address(const char *text)
{
    unsigned char address[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

const char *amlaps_when_parse(const amlaps_when_t **result, cmd_parms *cmd, const char *text)
{
    amlaps_when_t *when = apr_pcalloc(cmd->pool, sizeof(*when));
    const char *mistake = NULL;

    *result = NULL;
    amlaps_when_words_begin(&when->needs);
    when->text = text;
    when->expression = ap_expr_parse_cmd(cmd, to_grammar(text, cmd->temp_pool), AP_EXPR_FLAG_DONT_VARY | AP_EXPR_FLAG_RESTRICTED, &mistake,
                                         amlaps_when_words_look_up);
    if (!mistake) {
        mistake = check_patterns(text, cmd->temp_pool);
    }
    if (mistake) {
        return amlaps_when_words_with_list(mistake, cmd->pool);
    }
    *result = when;
    return NULL;
}

int amlaps_when_needs(const amlaps_when_t *when)
{
    return when->needs;
}

/* One request evaluates a condition several times. */
static void tell(request_rec *r, const char *text, const char *mistake)
{
    const char *key = apr_pstrcat(r->pool, "amlaps: AMLapsWhen ", text, NULL);

    if (!apr_table_get(r->notes, key)) {
        apr_table_setn(r->notes, key, "told");
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r, "AML0190: AMLapsWhen %s can't be evaluated (%s); its rule grants nothing, and where it "
                      "could deny, the answer is policy_undecidable", text, mistake);
    }
}

amlaps_known_t amlaps_when_holds(void *baton, const void *condition, const amlaps_person_t *person, const amlaps_device_t *device)
{
    const amlaps_circumstances_t *circumstances = baton;
    const amlaps_when_t *when = condition;
    request_rec *r = circumstances->r;
    amlaps_when_facts_t facts = { .circumstances = circumstances, .person = person, .device = device };
    ap_regmatch_t match[AP_MAX_REG_MATCH];
    const char *mistake = NULL, *source = NULL, *vary = NULL;
    ap_expr_eval_ctx_t context = {
        .r = r, .c = r->connection, .s = r->server, .p = r->pool, .err = &mistake, .info = when->expression, .re_pmatch = match,
        .re_nmatch = AP_MAX_REG_MATCH, .re_source = &source, .vary_this = &vary, .data = &facts,
    };
    int result = ap_expr_exec_ctx(&context);

    if (facts.mistake || mistake || result < 0) {
        tell(r, when->text, facts.mistake ? facts.mistake : mistake ? mistake : "unknown error");
        return AMLAPS_UNKNOWN;
    }
    if (facts.unknown) {
        return AMLAPS_UNKNOWN;
    }
    return result > 0 ? AMLAPS_YES : AMLAPS_NO;
}

amlaps_circumstances_t amlaps_when_of_request(request_rec *r)
{
    amlaps_circumstances_t circumstances = {
        .r = r, .address = r->useragent_ip, .now = apr_time_now(), .https = !strcmp(ap_http_scheme(r), "https"),
    };

    return circumstances;
}
