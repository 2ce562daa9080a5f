/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "when.h"

#include <apr_strings.h>
#include <arpa/inet.h>
#include <http_log.h>

#include "when_grammar.h"
#include "when_words.h"

APLOG_USE_MODULE(amlaps);

struct amlaps_when_t {
    ap_expr_info_t *expression;
    const char *text;
    int needs;
};

int amlaps_when_is_address(const char *text)
{
    unsigned char address[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

const char *amlaps_when_parse(const amlaps_when_t **result, cmd_parms *cmd, const char *text)
{
    amlaps_when_t *when = apr_pcalloc(cmd->pool, sizeof(*when));
    apr_array_header_t *patterns = apr_array_make(cmd->pool, 1, sizeof(const amlaps_pattern_t *));
    const char *grammar, *mistake = amlaps_when_to_grammar(&grammar, patterns, text, cmd->pool);

    *result = NULL;
    if (!mistake) {
        amlaps_when_words_begin(&when->needs, patterns);
        when->text = text;
        when->expression = ap_expr_parse_cmd(cmd, grammar, AP_EXPR_FLAG_DONT_VARY | AP_EXPR_FLAG_RESTRICTED, &mistake, amlaps_when_words_look_up);
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
    const char *mistake = NULL, *vary = NULL;
    ap_expr_eval_ctx_t context = {
        .r = r, .c = r->connection, .s = r->server, .p = r->pool, .err = &mistake, .info = when->expression,
        .vary_this = &vary, .data = &facts,
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
