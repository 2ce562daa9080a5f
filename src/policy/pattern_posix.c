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

static void refuse_letter(translation_t *t, char letter)
{
    if ((letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') || letter == '0') {
        t->wrong = "a backslash before a letter means nothing here but in \\d \\D \\w \\W \\s \\S \\h \\t \\n \\b \\B \\A \\z: write the "
                   "characters themselves";
    }
}

/* @return an index of `words`; their number where there is none */
static apr_size_t find_word(char letter)
{
    apr_size_t i = 0;

    while (i < sizeof(words) / sizeof(words[0]) && words[i].letter != letter) {
        i++;
    }
    return i;
}

/* `at` stands on the backslash. */
static void put_escape(translation_t *t)
{
    char letter = t->at[1];
    apr_size_t word = find_word(letter);

    t->at += letter ? 2 : 1;
    if (word < sizeof(words) / sizeof(words[0])) {
        put(t, words[word].outside);
        return;
    }
    refuse_letter(t, letter);
    *t->out++ = '\\';
    *t->out++ = letter;
}

/* What stands in brackets: a character, or several of them in one word. */
typedef struct element_t {
    const char *text;
    apr_size_t length;
    int set;     /* it stands for several, so that it can't be an end of a range */
    int escaped; /* it is ], ^ or - behind a backslash */
} element_t;

/* `at` stands on the backslash. POSIX takes it for itself there; the character alone is meant. */
static void read_escape(element_t *element, translation_t *t)
{
    char letter = t->at[1];
    apr_size_t word = find_word(letter);

    t->at += letter ? 2 : 1;
    element->text = t->at - 1;
    element->escaped = letter == ']' || letter == '^' || letter == '-';
    if (word == sizeof(words) / sizeof(words[0])) {
        refuse_letter(t, letter);
        return;
    }
    if (!words[word].inside) {
        t->wrong = "\\D, \\W, \\S and anchors can't stand inside brackets: write the characters themselves";
        return;
    }
    element->text = words[word].inside;
    element->length = strlen(element->text);
    element->set = element->length > 1;
}

static void read_element(element_t *element, translation_t *t)
{
    const element_t one = {t->at, 1, 0, 0};

    *element = one;
    if (*t->at == '\\') {
        read_escape(element, t);
        return;
    }
    if (t->at[0] == '[' && t->at[1] && strchr(".:=", t->at[1])) {
        const char end[] = {t->at[1], ']', '\0'};
        const char *found = strstr(t->at + 2, end);

        element->length = found ? (apr_size_t)(found + 2 - t->at) : 1;
        element->set = found && t->at[1] == ':';
    }
    t->at += element->length;
}

/* ], ^ and - mean themselves in one place each: they are kept until the bracket ends. */
typedef struct bracket_t {
    char *body; /* behind [ or [^ */
    int close, caret, dash;
} bracket_t;

static void put_element(translation_t *t, const bracket_t *bracket, const element_t *element)
{
    /* An escaped one must not make a word with the [ before it. */
    if (t->out > bracket->body && t->out[-1] == '[' && strchr(".:=", *element->text)) {
        t->wrong = "a ., : or = behind a [ inside brackets: write it before that [";
        return;
    }
    memcpy(t->out, element->text, element->length);
    t->out += element->length;
}

static void put_alone(translation_t *t, bracket_t *bracket, const element_t *element)
{
    switch (*element->text) {
    case ']':
        bracket->close = 1;
        break;
    case '^':
        bracket->caret = 1;
        break;
    case '-':
        bracket->dash = 1;
        break;
    default:
        put_element(t, bracket, element);
    }
}

/* `at` stands on the hyphen behind `first`, and there is more behind that. Beside a word it is a hyphen, as Perl has it. */
static void put_range(translation_t *t, bracket_t *bracket, const element_t *first)
{
    const char *behind = ++t->at;
    element_t last;

    read_element(&last, t);
    if (t->wrong) {
        return;
    }
    if (last.set) {
        t->at = behind;
        bracket->dash = 1;
        put_alone(t, bracket, first);
        return;
    }
    if (first->escaped || last.escaped) {
        t->wrong = "an escaped ], ^ or - as the end of a range: write the characters themselves";
        return;
    }
    put_element(t, bracket, first);
    *t->out++ = '-';
    put_element(t, bracket, &last);
}

static void put_next(translation_t *t, bracket_t *bracket)
{
    element_t element;

    read_element(&element, t);
    if (t->wrong) {
        return;
    }
    if (element.set) {
        put_element(t, bracket, &element);
        if (*t->at == '-') {
            bracket->dash = 1;
            t->at++;
            t->wrong = *t->at == '-' ? "two hyphens behind a word inside brackets: write one - last" : NULL;
        }
    }
    else if (t->at[0] == '-' && t->at[1] && t->at[1] != ']') {
        put_range(t, bracket, &element);
    }
    else {
        put_alone(t, bracket, &element);
    }
}

/* ] stands first, - last, and ^ anywhere but first. */
static void put_kept(translation_t *t, bracket_t *bracket)
{
    const int negated = bracket->body[-1] == '^';

    /* It begins a range where it stands in the body already. */
    if (bracket->close && (t->out == bracket->body || *bracket->body != ']')) {
        memmove(bracket->body + 1, bracket->body, (apr_size_t)(t->out - bracket->body));
        *bracket->body = ']';
        t->out++;
    }
    if (!negated && t->out > bracket->body && *bracket->body == '^') {
        t->wrong = "a range that begins with ^: write another character before it";
        return;
    }
    if (!negated && t->out == bracket->body && bracket->caret) {
        if (!bracket->dash) {
            t->out[-1] = '\\';
            *t->out++ = '^';
            return;
        }
        *t->out++ = '-';
        bracket->dash = 0;
    }
    put(t, bracket->caret ? "^" : "");
    put(t, bracket->dash ? "-]" : "]");
}

/* `at` stands on the opening bracket. */
static void put_bracket(translation_t *t)
{
    bracket_t bracket = {NULL, 0, 0, 0};
    int first;

    *t->out++ = *t->at++;
    if (*t->at == '^') {
        *t->out++ = *t->at++;
    }
    bracket.body = t->out;
    for (first = 1; !t->wrong && *t->at && (first || *t->at != ']'); first = 0) {
        put_next(t, &bracket);
    }
    /* Brackets that never end are left open, for regcomp to refuse. */
    if (!t->wrong && *t->at) {
        t->at++;
        put_kept(t, &bracket);
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
            put_escape(&t);
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
