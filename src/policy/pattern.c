/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * What makes a regular expression expensive. In libc back-references leave the automaton and can take exponential time, and counted
 * repetitions are unrolled when the expression is compiled; everything else runs in time linear in the text. Engines that backtrack, such
 * as a browser's, take exponential time for unbounded repetitions inside one another and for branches that begin alike under one: an
 * expression that this server shows to others is not allowed to be a trap there.
 */

#include <string.h>

#include "rule.h"

#define LONGEST_PATTERN 1000
#define MOST_STATES 1000UL /* libc needs memory for the square of them: 8 MB, and 640 MB for nine times as many */
#define DEEPEST 100
#define FIRSTS 256 /* every byte once */

typedef struct walk_t {
    const char *at;
    const char *wrong; /* the first thing found */
    int depth;
    int unbounded;     /* repetitions without an upper end, so far */
    int alike;         /* groups with branches that begin alike, so far */
} walk_t;

/* `at` stands on the opening bracket; afterwards behind the closing one, or at the end. */
static void skip_bracket(walk_t *walk)
{
    walk->at++;
    if (*walk->at == '^') {
        walk->at++;
    }
    if (*walk->at == ']') {
        walk->at++;
    }
    while (*walk->at != '\0' && *walk->at != ']') {
        if (walk->at[0] == '[' && walk->at[1] != '\0' && strchr(".:=", walk->at[1])) {
            const char end[] = {walk->at[1], ']', '\0'};
            const char *found = strstr(walk->at + 2, end);

            walk->at = found ? found + 1 : walk->at;
        }
        walk->at++;
    }
    if (*walk->at == ']') {
        walk->at++;
    }
}

/* `at` stands behind the opening brace of {m}, {m,} or {m,n}. */
static unsigned long read_times(walk_t *walk)
{
    unsigned long times = 1, number = 0;

    for (; *walk->at != '\0' && *walk->at != '}'; walk->at++) {
        if (*walk->at == ',') {
            number = 0;
        }
        else if (*walk->at >= '0' && *walk->at <= '9' && number <= MOST_STATES) {
            number = number * 10 + (unsigned long)(*walk->at - '0');
        }
        if (number > times) {
            times = number;
        }
    }
    if (*walk->at == '}') {
        walk->at++;
    }
    return times;
}

/* @return 1 for `*`, `+` and `{m,}`. */
static int is_unbounded(const char *at)
{
    return *at == '*' || *at == '+' || (*at == '{' && at[strcspn(at, ",}")] == ',' && at[strcspn(at, ",}") + 1] == '}');
}

/* @return 1 where one of the branches before begins with what the branch at `at` begins with, or either with any character. */
static int begins_like_another(char *firsts, const char *at)
{
    char mine = *at == '\0' || strchr("()|", *at) ? '(' : *at;
    apr_size_t count = strlen(firsts);

    if (count > 0 && (strchr(firsts, mine) || strchr(firsts, '.') || mine == '.')) {
        return 1;
    }
    firsts[count] = mine;
    firsts[count + 1] = '\0';
    return 0;
}

static unsigned long count_states(walk_t *walk);

static unsigned long count_atom(walk_t *walk)
{
    unsigned long states = 1;

    switch (*walk->at) {
    case '\\':
        if (walk->at[1] >= '1' && walk->at[1] <= '9') {
            walk->wrong = "back-references can take exponential time: write the pattern without \\1 to \\9";
        }
        walk->at += walk->at[1] == '\0' ? 1 : 2;
        break;
    case '[':
        skip_bracket(walk);
        break;
    case '(':
        walk->at++;
        walk->depth++;
        if (walk->depth > DEEPEST) {
            walk->wrong = "parentheses lie too deep: write a simpler pattern";
            break;
        }
        states += count_states(walk);
        walk->depth--;
        if (*walk->at == ')') {
            walk->at++;
        }
        break;
    default:
        walk->at++;
    }
    return states;
}

/* States that libc's automaton has for all up to the closing parenthesis of this depth, or the end. */
static unsigned long count_states(walk_t *walk)
{
    unsigned long states = 0;
    char firsts[FIRSTS] = "";

    walk->alike += begins_like_another(firsts, walk->at);
    while (!walk->wrong && *walk->at != '\0' && (*walk->at != ')' || walk->depth == 0)) {
        int unbounded = walk->unbounded, alike = walk->alike, branch = *walk->at == '|';
        unsigned long atom = count_atom(walk);

        walk->alike += branch && begins_like_another(firsts, walk->at);
        while (*walk->at != '\0' && strchr("*+?{", *walk->at)) {
            if (is_unbounded(walk->at) && (walk->unbounded > unbounded || walk->alike > alike)) {
                walk->wrong = "repetitions without end inside one another, as in (a+)+, or over branches that begin alike, as in (a|ab)*, "
                              "can take exponential time: write one repetition, such as a+";
                break;
            }
            walk->unbounded += is_unbounded(walk->at);
            atom *= *walk->at++ == '{' ? read_times(walk) : 2;
            if (atom > MOST_STATES) {
                break;
            }
        }
        states += atom;
        if (states > MOST_STATES && !walk->wrong) {
            walk->wrong = "repetitions multiply to more than 1000: write smaller counts, or fewer inside one another";
        }
    }
    return states;
}

const char *amlaps_pattern_refuse(const char *pattern)
{
    walk_t walk = {pattern, NULL, 0, 0, 0};

    if (strlen(pattern) > LONGEST_PATTERN) {
        return "the pattern is longer than 1000 bytes: write a shorter one";
    }
    (void)count_states(&walk);
    return walk.wrong;
}
