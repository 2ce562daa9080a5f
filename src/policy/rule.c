/* Licensed under the Apache License, Version 2.0; see LICENSE. */

#include "rule.h"

#include <apr_cstr.h>
#include <apr_strings.h>
#include <string.h>

#include "amlaps/text.h"
#include "hash.h"

#define LONGEST_QUOTE 100

amlaps_rule_t *amlaps_rule_make(const char *description, const char *tenant, const char *origin, apr_pool_t *pool)
{
    char *room = apr_pcalloc(pool, sizeof(amlaps_rule_t) + AMLAPS_CACHE_LINE);
    amlaps_rule_t *rule = (amlaps_rule_t *)(room + AMLAPS_CACHE_LINE - (apr_uintptr_t)room % AMLAPS_CACHE_LINE);

    rule->pool = pool;
    rule->description = apr_pstrdup(pool, description);
    rule->tenant = apr_pstrdup(pool, tenant);
    rule->origin = apr_pstrdup(pool, origin);
    rule->line_origins = apr_array_make(pool, 1, sizeof(amlaps_line_origin_t));
    rule->until = AMLAPS_FOREVER;
    rule->reason.mode = AMLAPS_REASON_OPTIONAL;
    return rule;
}

void amlaps_rule_at(amlaps_rule_t *rule, const char *origin)
{
    rule->here = apr_pstrdup(rule->pool, origin);
}

const char *amlaps_rule_quote(const amlaps_rule_t *rule, const char *word)
{
    return amlaps_text_printable(word, LONGEST_QUOTE, rule->pool);
}

const char *amlaps_rule_read_values(const amlaps_value_t **values, const amlaps_rule_t *rule, const char *what, int fold,
                                    const char *const *words, int count)
{
    amlaps_value_t *read = apr_pcalloc(rule->pool, (apr_size_t)count * sizeof(*read));
    int i;

    for (i = 0; i < count; i++) {
        if (words[i][0] == '\0') {
            return apr_psprintf(rule->pool, "an empty value after %s: leave it out or write the value that is meant", what);
        }
        if (!amlaps_text_is_utf8(words[i], strlen(words[i])) || amlaps_text_has_controls(words[i])) {
            return apr_psprintf(rule->pool, "\"%s\" holds control characters or is not UTF-8: write the value in plain UTF-8 text",
                                amlaps_rule_quote(rule, words[i]));
        }
        read[i].written = apr_pstrdup(rule->pool, words[i]);
        read[i].text = fold ? amlaps_text_fold(words[i], rule->pool) : read[i].written;
        read[i].hash = amlaps_hash_folded(read[i].text);
    }
    *values = read;
    return NULL;
}

/* Days from 1970-01-01 to a day of the proleptic Gregorian calendar; the year begins in March, so that the leap day is its last. */
static apr_int64_t days_since_epoch(int year, int month, int day)
{
    apr_int64_t years = month > 2 ? year : year - 1;
    int day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

    return 365 * years + years / 4 - years / 100 + years / 400 + day_of_year - 719468;
}

static int read_number(const char *digits, int count)
{
    int number = 0;

    while (count-- > 0) {
        number = number * 10 + (*digits++ - '0');
    }
    return number;
}

static int read_day(apr_int64_t *days, const char *text)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year, month, day, leap;

    if (strlen(text) != 10 || strspn(text, "0123456789") != 4 || text[4] != '-' || strspn(text + 5, "0123456789") != 2
        || text[7] != '-' || strspn(text + 8, "0123456789") != 2) {
        return 0;
    }
    year = read_number(text, 4);
    month = read_number(text + 5, 2);
    day = read_number(text + 8, 2);
    leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (month < 1 || month > 12 || day < 1 || day > lengths[month - 1] + (month == 2 && leap)) {
        return 0;
    }
    *days = days_since_epoch(year, month, day);
    return 1;
}

const char *amlaps_rule_set_expires(amlaps_rule_t *rule, const char *day)
{
    apr_int64_t days;

    if (rule->expires) {
        return apr_psprintf(rule->pool, "the rule expires after %s already: keep one of the two days", rule->expires);
    }
    if (!read_day(&days, day)) {
        return apr_psprintf(rule->pool, "\"%s\" is no day: write the last day on which the rule counts as YYYY-MM-DD, such as 2027-01-31",
                            amlaps_rule_quote(rule, day));
    }
    rule->expires = apr_pstrdup(rule->pool, day);
    rule->expires_origin = rule->here;
    rule->until = (days + 1) * APR_TIME_C(86400) * APR_USEC_PER_SEC;
    return NULL;
}

const char *amlaps_rule_set_qr(amlaps_rule_t *rule, const char *word)
{
    if (rule->qr_set) {
        return "the rule says already whether it permits a QR code: keep one line";
    }
    if (apr_cstr_casecmp(word, "on") && apr_cstr_casecmp(word, "off")) {
        return apr_psprintf(rule->pool, "\"%s\" is neither on nor off: write on where the page may draw the password as a QR code",
                            amlaps_rule_quote(rule, word));
    }
    rule->qr_set = 1;
    rule->qr = !apr_cstr_casecmp(word, "on");
    return NULL;
}

int amlaps_rule_qr(const amlaps_rule_t *rule)
{
    return rule->qr;
}

const char *amlaps_rule_set_condition(amlaps_rule_t *rule, amlaps_condition_t holds, const void *condition, int needs,
                                      const char *text)
{
    if (rule->condition) {
        return "the rule has a condition already: join both with && in one line";
    }
    rule->condition = holds;
    rule->condition_data = condition;
    rule->condition_needs = needs;
    rule->condition_text = apr_pstrdup(rule->pool, text);
    rule->condition_origin = rule->here;
    return NULL;
}

const char *amlaps_rule_add_notify(amlaps_rule_t *rule, const char *const *words, int count)
{
    return amlaps_tell_add(&rule->tell, words, count, rule->pool);
}

const amlaps_tell_t *amlaps_rule_tell(const amlaps_rule_t *rule)
{
    return &rule->tell;
}

const char *amlaps_rule_check(const amlaps_rule_t *rule)
{
    if (!rule->description || rule->description[strspn(rule->description, " \t")] == '\0') {
        return "the rule has no description: write <AMLapsRule \"London helpdesk\">; it appears in the audit and on the page";
    }
    if (rule->line_count == 0) {
        return "the rule says no device: add AMLapsDevice, such as AMLapsDevice name LON-*, or AMLapsDevice all";
    }
    if (rule->entry_count == 0) {
        return "the rule neither allows nor denies: add AMLapsAllow or AMLapsDeny, such as "
               "AMLapsAllow password group 4f0c8c55-7a9e-4b0e-8a57-51f2c1a4c0de";
    }
    return NULL;
}

const char *amlaps_rule_description(const amlaps_rule_t *rule)
{
    return rule->description;
}

const char *amlaps_rule_tenant(const amlaps_rule_t *rule)
{
    return rule->tenant;
}

const char *amlaps_rule_origin(const amlaps_rule_t *rule)
{
    return rule->origin;
}

int amlaps_rule_is_expired(const amlaps_rule_t *rule, apr_time_t now)
{
    return now >= rule->until;
}
