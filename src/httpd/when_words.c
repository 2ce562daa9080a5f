/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "when_words.h"

#include <apr_fnmatch.h>
#include <apr_strings.h>
#include <stdlib.h>

#include "when_grammar.h"

static int *needs_of_this;
static const apr_array_header_t *patterns_of_this;

void amlaps_when_words_begin(int *needs, const apr_array_header_t *patterns)
{
    needs_of_this = needs;
    patterns_of_this = patterns;
}

static const char *of_known(amlaps_known_t known)
{
    return known == AMLAPS_UNKNOWN ? "" : known == AMLAPS_YES ? "true" : "false";
}

typedef enum variable_t {
    REMOTE_ADDRESS, HTTPS, TIME, TIME_YEAR, TIME_MON, TIME_DAY, TIME_HOUR, TIME_MIN, TIME_SEC, TIME_WDAY,
    DEVICE_NAME, DEVICE_ID, DEVICE_OS, DEVICE_JOIN, DEVICE_COMPLIANT, DEVICE_ENABLED,
} variable_t;

static const struct {
    const char *name;
    variable_t variable;
} variables[] = {
    { "REMOTE_ADDR", REMOTE_ADDRESS }, { "HTTPS", HTTPS }, { "TIME", TIME }, { "TIME_YEAR", TIME_YEAR }, { "TIME_MON", TIME_MON },
    { "TIME_DAY", TIME_DAY }, { "TIME_HOUR", TIME_HOUR }, { "TIME_MIN", TIME_MIN }, { "TIME_SEC", TIME_SEC }, { "TIME_WDAY", TIME_WDAY },
    { "DEVICE_NAME", DEVICE_NAME }, { "DEVICE_ID", DEVICE_ID }, { "DEVICE_OS", DEVICE_OS }, { "DEVICE_JOIN", DEVICE_JOIN },
    { "DEVICE_COMPLIANT", DEVICE_COMPLIANT }, { "DEVICE_ENABLED", DEVICE_ENABLED },
};

/* TIME_* are the server's local time, as everywhere in httpd. */
static const char *read_time(variable_t variable, apr_time_t now, apr_pool_t *pool)
{
    apr_time_exp_t local;

    apr_time_exp_lt(&local, now);
    switch (variable) {
    case TIME:
        return apr_psprintf(pool, "%04d%02d%02d%02d%02d%02d", local.tm_year + 1900, local.tm_mon + 1, local.tm_mday, local.tm_hour,
                            local.tm_min, local.tm_sec);
    case TIME_YEAR:
        return apr_psprintf(pool, "%d", local.tm_year + 1900);
    case TIME_MON:
        return apr_psprintf(pool, "%02d", local.tm_mon + 1);
    case TIME_DAY:
        return apr_psprintf(pool, "%02d", local.tm_mday);
    case TIME_HOUR:
        return apr_psprintf(pool, "%02d", local.tm_hour);
    case TIME_MIN:
        return apr_psprintf(pool, "%02d", local.tm_min);
    case TIME_SEC:
        return apr_psprintf(pool, "%02d", local.tm_sec);
    default:
        return apr_psprintf(pool, "%d", local.tm_wday);
    }
}

static const char *read_variable(ap_expr_eval_ctx_t *context, const void *data)
{
    const amlaps_when_facts_t *facts = context->data;
    const amlaps_device_t *device = facts->device;
    variable_t variable = *(const variable_t *)data;
    const char *text;

    switch (variable) {
    case REMOTE_ADDRESS:
        text = facts->circumstances->address;
        break;
    case HTTPS:
        text = facts->circumstances->https ? "on" : "off";
        break;
    case DEVICE_NAME:
        text = device->name;
        break;
    case DEVICE_ID:
        text = device->device_id;
        break;
    case DEVICE_OS:
        text = device->os;
        break;
    case DEVICE_JOIN:
        text = device->join;
        break;
    case DEVICE_COMPLIANT:
        text = of_known(device->compliant);
        break;
    case DEVICE_ENABLED:
        text = of_known(device->enabled);
        break;
    default:
        return read_time(variable, facts->circumstances->now, context->p);
    }
    return text ? text : "";
}

static apr_array_header_t *list_of(const char *const *texts, apr_size_t count, apr_pool_t *pool)
{
    apr_array_header_t *list = apr_array_make(pool, (int)count + 1, sizeof(const char *));
    apr_size_t i;

    for (i = 0; i < count; i++) {
        APR_ARRAY_PUSH(list, const char *) = texts[i];
    }
    return list;
}

static apr_array_header_t *device_groups(ap_expr_eval_ctx_t *context, const void *data, const char *argument)
{
    amlaps_when_facts_t *facts = context->data;

    (void)data;
    (void)argument;
    facts->unknown |= !facts->device->groups_known;
    return list_of(facts->device->groups, facts->device->group_count, context->p);
}

/* As texts: what is a text, a whole number or a truth value; other values are none. */
static const char *claim_text(const amlaps_json_t *value, apr_pool_t *pool)
{
    switch (amlaps_json_kind(value)) {
    case AMLAPS_JSON_TEXT:
        return amlaps_json_text(value);
    case AMLAPS_JSON_INTEGER:
    case AMLAPS_JSON_BOOL:
        return amlaps_json_canonical(value, pool);
    default:
        return NULL;
    }
}

/* The token leaves the claim out where it is too long: then what was looked up stands for it, or the claim is unknown. */
static void add_groups(ap_expr_eval_ctx_t *context, apr_array_header_t *list, const char *name)
{
    amlaps_when_facts_t *facts = context->data;
    const amlaps_person_t *person = facts->person;

    if (!strcmp(name, "groups")) {
        facts->unknown |= !person->groups_known;
        apr_array_cat(list, list_of(person->groups, person->group_count, context->p));
    }
}

static apr_array_header_t *claims(ap_expr_eval_ctx_t *context, const void *data, const char *name)
{
    amlaps_when_facts_t *facts = context->data;
    const amlaps_json_t *claim = amlaps_json_member(facts->person->claims, name);
    apr_array_header_t *list = apr_array_make(context->p, 4, sizeof(const char *));
    apr_size_t i, count = amlaps_json_length(claim);
    const char *text;

    (void)data;
    if ((text = claim_text(claim, context->p))) {
        APR_ARRAY_PUSH(list, const char *) = text;
    }
    for (i = 0; i < count; i++) {
        if ((text = claim_text(amlaps_json_item(claim, i), context->p))) {
            APR_ARRAY_PUSH(list, const char *) = text;
        }
    }
    add_groups(context, list, name);
    return list;
}

/* As a text: of the claim `groups`, which is a list where a token has it, that is unknown at most. */
static const char *claim(ap_expr_eval_ctx_t *context, const void *data, const char *name)
{
    amlaps_when_facts_t *facts = context->data;
    const char *text = claim_text(amlaps_json_member(facts->person->claims, name), context->p);

    (void)data;
    facts->unknown |= !strcmp(name, "groups") && !facts->person->groups_known;
    return text ? text : "";
}

/* -R and -ipmatch: is an address in a range? An address or range that is none is an error, not a "no". */
static int in_range(ap_expr_eval_ctx_t *context, const char *address, const char *range)
{
    amlaps_when_facts_t *facts = context->data;
    char *slash, *network = apr_pstrdup(context->p, range);
    apr_sockaddr_t *socket_address;
    apr_ipsubnet_t *subnet;

    if ((slash = strchr(network, '/'))) {
        *slash++ = '\0';
    }
    if (apr_ipsubnet_create(&subnet, network, slash, context->p) != APR_SUCCESS) {
        facts->mistake = "the text that an address is compared with is no address range";
        return 0;
    }
    /* Without the interface of a link-local address. */
    address = apr_pstrmemdup(context->p, address, strcspn(address, "%"));
    if (!amlaps_when_is_address(address) ||
        apr_sockaddr_info_get(&socket_address, address, APR_UNSPEC, 0, 0, context->p) != APR_SUCCESS) {
        facts->mistake = "the text that is compared with an address range is no address";
        return 0;
    }
    return apr_ipsubnet_test(subnet, socket_address);
}

static int remote_in_range(ap_expr_eval_ctx_t *context, const void *data, const char *range)
{
    const amlaps_when_facts_t *facts = context->data;

    (void)data;
    return in_range(context, facts->circumstances->address, range);
}

static int address_in_range(ap_expr_eval_ctx_t *context, const void *data, const char *address, const char *range)
{
    (void)data;
    return in_range(context, address, range);
}

static int matches_glob(ap_expr_eval_ctx_t *context, const void *data, const char *text, const char *glob)
{
    (void)context;
    return apr_fnmatch(glob, text, data ? APR_FNM_CASE_BLIND : 0) == APR_SUCCESS;
}

static amlaps_known_t find(ap_expr_eval_ctx_t *context, const void *pattern, const char *text)
{
    amlaps_when_facts_t *facts = context->data;
    amlaps_known_t found = amlaps_pattern_find(pattern, text);

    if (found == AMLAPS_UNKNOWN) {
        facts->mistake = "there is no memory to match its pattern with";
    }
    return found;
}

static int pattern_found(ap_expr_eval_ctx_t *context, const void *data, const char *text, const char *place)
{
    (void)place;
    return find(context, data, text) == AMLAPS_YES;
}

static int pattern_missing(ap_expr_eval_ctx_t *context, const void *data, const char *text, const char *place)
{
    (void)place;
    return find(context, data, text) == AMLAPS_NO;
}

static const char allowed[] =
    "allowed are the variables REMOTE_ADDR, HTTPS, TIME, TIME_YEAR, TIME_MON, TIME_DAY, TIME_HOUR, TIME_MIN, TIME_SEC, TIME_WDAY, DEVICE_NAME, "
    "DEVICE_ID, DEVICE_OS, DEVICE_JOIN, DEVICE_COMPLIANT and DEVICE_ENABLED, the functions claim('name'), claims('name'), device_groups(), "
    "tolower('text') and toupper('text'), and the operators -R, -ipmatch, -strmatch, -strcmatch, -n, -z, -T, in, ==, !=, <, <=, >, >=, =~, !~, "
    "-eq, -ne, -lt, -le, -gt, -ge, &&, || and !";

/* A function that there is, where a text or a list of texts must stand: "not allowed", beside a list that has it, would help nobody. */
static const char *out_of_place(const ap_expr_lookup_parms *parms)
{
    if (parms->type == AP_EXPR_FUNC_LIST && !ap_cstr_casecmp(parms->name, "claim")) {
        return "claim('name') is a text, and after 'in' stands a list; write claims('name') there";
    }
    if (parms->type == AP_EXPR_FUNC_STRING && (!ap_cstr_casecmp(parms->name, "claims") || !ap_cstr_casecmp(parms->name, "device_groups"))) {
        return apr_psprintf(parms->pool, "%s() is a list, and stands after 'in' alone; write 'text' in %s", parms->name,
                            ap_cstr_casecmp(parms->name, "claims") ? "device_groups()" : "claims('name'), or claim('name') for one text");
    }
    return NULL;
}

static int refuse(ap_expr_lookup_parms *parms)
{
    const char *why = out_of_place(parms);

    if (why) {
        *parms->err = why;
        return !OK;
    }
    *parms->err = apr_psprintf(parms->pool, "'%s' can't be used in a rule's condition; %s", parms->name, allowed);
    return !OK;
}

const char *amlaps_when_words_with_list(const char *mistake, apr_pool_t *pool)
{
    return strstr(mistake, allowed) ? mistake : apr_psprintf(pool, "%s; %s", mistake, allowed);
}

static int look_up_variable(ap_expr_lookup_parms *parms)
{
    size_t i;

    for (i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
        if (!ap_cstr_casecmp(variables[i].name, parms->name)) {
            *parms->func = (const void *)read_variable;
            *parms->data = &variables[i].variable;
            return OK;
        }
    }
    return refuse(parms);
}

/* Only the claim `groups` can be incomplete; a name that is put together at request time could be it. */
static void note_need(const ap_expr_lookup_parms *parms)
{
    if (!parms->arg || !strcmp(parms->arg, "groups")) {
        *needs_of_this |= AMLAPS_NEED_PERSON_GROUPS;
    }
}

/* claim() is written for the grammar as claim(''), which would be empty for everybody. */
static int look_up_claim(ap_expr_lookup_parms *parms, const void *function)
{
    if (parms->arg && !*parms->arg) {
        *parms->err = apr_psprintf(parms->pool, "%s() lacks the name of a claim; write one such as %s('department')", parms->name, parms->name);
        return !OK;
    }
    note_need(parms);
    *parms->func = function;
    return OK;
}

static int look_up_list(ap_expr_lookup_parms *parms)
{
    if (!ap_cstr_casecmp(parms->name, "device_groups")) {
        if (!parms->arg || *parms->arg) {
            *parms->err = "device_groups() takes no argument; write 'GUID' in device_groups()";
            return !OK;
        }
        *needs_of_this |= AMLAPS_NEED_DEVICE_GROUPS;
        *parms->func = (const void *)device_groups;
        return OK;
    }
    if (!ap_cstr_casecmp(parms->name, "claims")) {
        return look_up_claim(parms, (const void *)claims);
    }
    return refuse(parms);
}

/* An address range that is written down is checked when the configuration is read, not when somebody needs a password. */
static int check_range(ap_expr_lookup_parms *parms)
{
    char *slash, *network = parms->arg ? apr_pstrdup(parms->ptemp, parms->arg) : NULL;
    apr_ipsubnet_t *subnet;

    if (network && (slash = strchr(network, '/'))) {
        *slash++ = '\0';
    } else {
        slash = NULL;
    }
    if (network && apr_ipsubnet_create(&subnet, network, slash, parms->ptemp) != APR_SUCCESS) {
        *parms->err = apr_psprintf(parms->pool, "'%s' is no address range; write one such as 10.0.0.0/8", parms->arg);
        return !OK;
    }
    return OK;
}

static int look_up_pattern(ap_expr_lookup_parms *parms)
{
    int place = parms->arg ? atoi(parms->arg) : -1;

    if (place < 0 || place >= patterns_of_this->nelts) {
        return refuse(parms);
    }
    *parms->func = strcmp(parms->name, AMLAPS_WHEN_FOUND) ? (const void *)pattern_missing : (const void *)pattern_found;
    *parms->data = APR_ARRAY_IDX(patterns_of_this, place, const amlaps_pattern_t *);
    return OK;
}

static int look_up_operator(ap_expr_lookup_parms *parms)
{
    static const int blind = 1;
    int binary = parms->type == AP_EXPR_FUNC_OP_BINARY;

    if (!binary && !strcmp(parms->name, "R")) {
        *parms->func = (const void *)remote_in_range;
        return check_range(parms);
    }
    if (binary && !ap_cstr_casecmp(parms->name, "ipmatch")) {
        *parms->func = (const void *)address_in_range;
        return check_range(parms);
    }
    if (binary && (!strcmp(parms->name, AMLAPS_WHEN_FOUND) || !strcmp(parms->name, AMLAPS_WHEN_MISSING))) {
        return look_up_pattern(parms);
    }
    if (binary && (!ap_cstr_casecmp(parms->name, "strmatch") || !ap_cstr_casecmp(parms->name, "strcmatch"))) {
        *parms->func = (const void *)matches_glob;
        *parms->data = ap_cstr_casecmp(parms->name, "strmatch") ? &blind : NULL;
        return OK;
    }
    if (!binary && (!strcmp(parms->name, "n") || !strcmp(parms->name, "z") || !strcmp(parms->name, "T"))) {
        return ap_expr_lookup_default(parms);
    }
    return refuse(parms);
}

int amlaps_when_words_look_up(ap_expr_lookup_parms *parms)
{
    *parms->data = NULL;
    switch (parms->type) {
    case AP_EXPR_FUNC_VAR:
        return look_up_variable(parms);
    case AP_EXPR_FUNC_LIST:
        return look_up_list(parms);
    case AP_EXPR_FUNC_STRING:
        if (!ap_cstr_casecmp(parms->name, "claim")) {
            return look_up_claim(parms, (const void *)claim);
        }
        return ap_cstr_casecmp(parms->name, "tolower") && ap_cstr_casecmp(parms->name, "toupper") ? refuse(parms)
                                                                                                : ap_expr_lookup_default(parms);
    default:
        return look_up_operator(parms);
    }
}
