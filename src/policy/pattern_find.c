/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Patterns of reasons and conditions, matched by libc, whose automaton needs time linear in the text from wherever it begins. Left to look for a
 * beginning, it would begin anew at each byte and need the square of that, so a pattern begins at the first byte, behind whatever stands before.
 */

#include <apr_strings.h>
#include <regex.h>

#include "amlaps/text.h"
#include "rule.h"

#define LONGEST_QUOTE 100

struct amlaps_pattern_t {
    regex_t expression;
};

static apr_status_t free_expression(void *data)
{
    regfree(data);
    return APR_SUCCESS;
}

static int compile(regex_t *expression, const char *text, int fold)
{
    return regcomp(expression, text, REG_EXTENDED | REG_NOSUB | (fold ? REG_ICASE : 0));
}

/* Of an expression that compiles, so that no backslash is its last. Not only at the first byte: in the middle libc takes a ^ for the beginning of a
 * line too. Rather too often yes than no. */
static int has_caret(const char *posix)
{
    for (; *posix; posix++) {
        if (*posix == '^') {
            return 1;
        }
        posix += posix[0] == '\\' || (posix[0] == '[' && posix[1] == '^');
    }
    return 0;
}

const char *amlaps_pattern_make(const amlaps_pattern_t **pattern, const char *text, apr_pool_t *pool)
{
    amlaps_pattern_t *made = apr_palloc(pool, sizeof(*made));
    int fold;
    const char *posix, *wrong = amlaps_pattern_posix(&posix, &fold, text, pool);
    char why[160];
    int status;

    if (wrong || (wrong = amlaps_pattern_refuse(posix))) {
        return wrong;
    }
    /* Alone in any case: parentheses that do not match might with those around it. */
    status = compile(&made->expression, posix, fold);
    if (status == 0 && !has_caret(posix)) {
        regfree(&made->expression);
        status = compile(&made->expression, apr_pstrcat(pool, "^.*(", posix, ")", NULL), fold);
    }
    if (status != 0) {
        regerror(status, &made->expression, why, sizeof(why));
        return apr_psprintf(pool, "\"%s\" is no regular expression (%s): write one such as ^INC[0-9]{7}$",
                            amlaps_text_printable(text, LONGEST_QUOTE, pool), why);
    }
    apr_pool_cleanup_register(pool, &made->expression, free_expression, apr_pool_cleanup_null);
    *pattern = made;
    return NULL;
}

amlaps_known_t amlaps_pattern_find(const amlaps_pattern_t *pattern, const char *text)
{
    /* POSIX knows no other answer of regexec; as a table, since a test can't make it run out of memory. */
    static const amlaps_known_t answers[32] = {[0] = AMLAPS_YES, [REG_NOMATCH] = AMLAPS_NO, [REG_ESPACE] = AMLAPS_UNKNOWN};

    return answers[regexec(&pattern->expression, text, 0, NULL, 0) & 31];
}
