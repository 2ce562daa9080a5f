/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * What makes a POSIX extended regular expression expensive in libc: back-references leave the automaton and can take exponential
 * time, and counted repetitions are unrolled when the expression is compiled. Everything else runs in time linear in the text.
 */

#include <string.h>

#include "rule.h"

#define LONGEST_PATTERN 1000
#define MOST_STATES 10000UL
#define DEEPEST 100

typedef struct walk_t {
    const char *at;
    const char *wrong; /* the first thing found */
    int depth;
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

    while (!walk->wrong && *walk->at != '\0' && (*walk->at != ')' || walk->depth == 0)) {
        unsigned long atom = count_atom(walk);

        while (*walk->at != '\0' && strchr("*+?{", *walk->at)) {
            atom *= *walk->at++ == '{' ? read_times(walk) : 2;
            if (atom > MOST_STATES) {
                break;
            }
        }
        states += atom;
        if (states > MOST_STATES && !walk->wrong) {
            walk->wrong = "repetitions multiply to more than 10000: write smaller counts, or fewer inside one another";
        }
    }
    return states;
}

const char *amlaps_pattern_refuse(const char *pattern)
{
    walk_t walk = {pattern, NULL, 0};

    if (strlen(pattern) > LONGEST_PATTERN) {
        return "the pattern is longer than 1000 bytes: write a shorter one";
    }
    (void)count_states(&walk);
    return walk.wrong;
}
