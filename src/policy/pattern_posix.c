/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Admins of httpd write regular expressions as PCRE reads them; libc's are matched in linear time. What of PCRE's common words has a
 * POSIX twin is translated, what has none is refused, so that a pattern never silently means something else.
 */

#include <apr_strings.h>
#include <string.h>

#include "rule.h"

typedef struct translation_t {
    const char *at;
    char *out;
    const char *wrong;
} translation_t;

static const struct {
    char letter;
    const char *outside, *inside;
} words[] = {
    {'d', "[0-9]", "0-9"},
    {'D', "[^0-9]", NULL},
    {'w', "[[:alnum:]_]", "[:alnum:]_"},
    {'W', "[^[:alnum:]_]", NULL},
    {'s', "[[:space:]]", "[:space:]"},
    {'S', "[^[:space:]]", NULL},
    {'h', "[[:blank:]]", "[:blank:]"},
    {'t', "\t", "\t"},
    {'n', "\n", "\n"},
    {'A', "^", NULL},
    {'z', "$", NULL},
    {'Z', "$", NULL},
    {'b', "\\b", NULL},
    {'B', "\\B", NULL},
};

static void put(translation_t *t, const char *text)
{
    apr_size_t length = strlen(text);

    memcpy(t->out, text, length);
    t->out += length;
}

/* `at` stands on the backslash. */
static void put_escape(translation_t *t, int inside)
{
    char letter = t->at[1];
    apr_size_t i;

    t->at += letter ? 2 : 1;
    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (words[i].letter == letter) {
            if (inside && !words[i].inside) {
                t->wrong = "\\D, \\W, \\S and anchors can't stand inside brackets: write the characters themselves";
                return;
            }
            put(t, inside ? words[i].inside : words[i].outside);
            return;
        }
    }
    if ((letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') || letter == '0') {
        t->wrong = "a backslash before a letter means nothing here but in \\d \\D \\w \\W \\s \\S \\h \\t \\n \\b \\B \\A \\z: write the "
                   "characters themselves";
        return;
    }
    /* Inside brackets POSIX takes a backslash for itself; the character alone is meant. A caret or bracket is put where it is harmless. */
    if (inside) {
        if (letter == ']' || letter == '^' || letter == '-') {
            t->wrong = "an escaped ], ^ or - inside brackets: write ] first, ^ not first, and - last";
            return;
        }
        *t->out++ = letter;
        return;
    }
    *t->out++ = '\\';
    *t->out++ = letter;
}

/* `at` stands on the opening bracket. */
static void put_bracket(translation_t *t)
{
    *t->out++ = *t->at++;
    if (*t->at == '^') {
        *t->out++ = *t->at++;
    }
    if (*t->at == ']') {
        *t->out++ = *t->at++;
    }
    while (!t->wrong && *t->at && *t->at != ']') {
        if (t->at[0] == '[' && t->at[1] && strchr(".:=", t->at[1])) {
            const char end[] = {t->at[1], ']', '\0'};
            const char *found = strstr(t->at + 2, end);

            do {
                *t->out++ = *t->at++;
            } while (found && t->at < found + 2);
        }
        else if (*t->at == '\\') {
            put_escape(t, 1);
        }
        else {
            *t->out++ = *t->at++;
        }
    }
    if (*t->at == ']') {
        *t->out++ = *t->at++;
    }
}

const char *amlaps_pattern_posix(const char **posix, int *fold, const char *pattern, apr_pool_t *pool)
{
    /* The longest twin is that of \W, 13 bytes for 2. */
    char *made = apr_palloc(pool, strlen(pattern) * 7 + 1);
    translation_t t = {pattern, made, NULL};

    *fold = !strncmp(pattern, "(?i)", 4);
    t.at += *fold ? 4 : 0;
    while (!t.wrong && *t.at) {
        if (*t.at == '\\') {
            put_escape(&t, 0);
        }
        else if (*t.at == '[') {
            put_bracket(&t);
        }
        else if (!strncmp(t.at, "(?:", 3)) {
            *t.out++ = '(';
            t.at += 3;
        }
        else if (!strncmp(t.at, "(?", 2)) {
            t.wrong = "(? stands here only in (?: and, at the very beginning, in (?i): write the pattern without look-around";
        }
        else {
            *t.out++ = *t.at++;
        }
    }
    *t.out = '\0';
    *posix = made;
    return t.wrong;
}
