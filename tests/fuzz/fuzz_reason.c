/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* A reason's pattern and, behind a line "%%", the reason: what the configuration takes matches anything in bounded time. */
#include "amlaps/policy.h"
#include "amlaps/text.h"
#include "fuzz.h"

#define LONGEST 4096

void fuzz_one(const uint8_t *bytes, size_t length, apr_pool_t *pool)
{
    char *rest = (char *)fuzz_text(bytes, length, pool);
    const char *pattern = fuzz_piece(&rest);
    amlaps_rule_t *rule = amlaps_rule_make("rule", NULL, "here:1", pool);
    const char *mistake = amlaps_rule_set_reason(rule, "required", pattern, NULL);

    if (mistake) {
        fuzz_check(*mistake);
        return;
    }
    const amlaps_code_t code = amlaps_rule_check_reason(rule, rest);
    fuzz_check(code == AMLAPS_OK || code == AMLAPS_REASON_REQUIRED || code == AMLAPS_REASON_INVALID);
    fuzz_check(code != AMLAPS_OK || (rest && *rest && strlen(rest) <= 4 * LONGEST && amlaps_text_is_utf8(rest, strlen(rest))));
}
