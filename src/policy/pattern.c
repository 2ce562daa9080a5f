/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * What makes a regular expression expensive. Reasons and conditions are matched by libc (pattern_find.c): there back-references leave the
 * automaton and can take exponential time, and counted repetitions are unrolled when the expression is compiled; everything else runs in
 * time linear in the text. The API tells the patterns of reasons to its clients, whose engines may backtrack, as a browser's does: those
 * take time exponential in the text where an endless repetition holds what can match in several ways (a repetition of no fixed length, or
 * branches that begin alike), and exponential in the pattern where many such choices follow one another.
 */

#include <apr_lib.h>
#include <string.h>

#include "rule.h"

#define LONGEST_PATTERN 1000
#define MOST_STATES 1000UL /* libc needs memory for the square of them: 8 MB, and 640 MB for nine times as many */
#define MOST_CHOICES 22 /* bits: four million ways, which an engine that backtracks may all try */
#define DEEPEST 100
#define FIRSTS 256 /* every byte once */

typedef struct walk_t {
    const char *at;
    const char *wrong; /* the first thing found */
    int depth;
    int several;           /* what can match in several ways, so far: repetitions of no fixed length, branches that begin alike */
    unsigned long choices; /* the ways to match all of it but endless repetitions, so far; bits, rounded up */
} walk_t;

/** `?`, `*`, `+` or {least,most}. */
typedef struct repeat_t {
    unsigned long least, most;
    int endless;
} repeat_t;

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

static unsigned long read_number(walk_t *walk)
{
    unsigned long number = 0;

    for (; *walk->at >= '0' && *walk->at <= '9'; walk->at++) {
        if (number <= MOST_STATES) {
            number = number * 10 + (unsigned long)(*walk->at - '0');
        }
    }
    return number;
}

/* `at` stands behind the opening brace of {m}, {m,}, {m,n} or {,n}; whatever else stands there counts as one time. */
static repeat_t read_braces(walk_t *walk)
{
    repeat_t repeat = {1, 1, 0};
    int digits = *walk->at >= '0' && *walk->at <= '9';

    if (digits || *walk->at == ',') {
        repeat.least = repeat.most = read_number(walk);
    }
    if (*walk->at == ',') {
        walk->at++;
        repeat.endless = *walk->at == '}';
        repeat.most = read_number(walk);
    }
    walk->at += strcspn(walk->at, "}");
    walk->at += *walk->at == '}';
    return repeat;
}

static repeat_t read_repeat(walk_t *walk)
{
    char sign = *walk->at++;

    switch (sign) {
    case '{':
        return read_braces(walk);
    case '?':
        return (repeat_t){0, 1, 0};
    default:
        return (repeat_t){sign == '+', 0, 1};
    }
}

/* How often libc unrolls it: `a+` as `aa*`. */
static unsigned long times(repeat_t repeat)
{
    unsigned long most = repeat.least > repeat.most ? repeat.least : repeat.most;

    return most > 0 ? most + (unsigned long)repeat.endless : 1;
}

static unsigned long bits(unsigned long number)
{
    unsigned long count = 0;

    for (; number > 0; number /= 2) {
        count++;
    }
    return count;
}

/* What the branch at `at` begins with, in lower case; '.' where that is not one character for certain. */
static char first_of(const char *at)
{
    char first = *at == '\\' && !apr_isalnum(at[1]) ? at[1] : *at;

    return first == '\0' || strchr("\\()|[", first) ? '.' : (char)apr_tolower(first);
}

/* @return 1 where one of the branches before may begin as the branch at `at` does */
static int begins_like_another(char *firsts, const char *at)
{
    char mine = first_of(at);
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

/* What a repetition makes of its atom. @param before the walk as it was before the atom */
static unsigned long repeat_atom(walk_t *walk, unsigned long states, const walk_t *before)
{
    repeat_t repeat = read_repeat(walk);

    if (repeat.endless && walk->several > before->several) {
        walk->wrong = "a repetition without end of what can match in several ways, as in (a+)+, (ab?)* or (a|ab)*, can take exponential "
                      "time: write one repetition, such as a+";
    }
    walk->choices = before->choices + (walk->choices - before->choices) * (repeat.endless ? 1 : repeat.most);
    if (repeat.endless || repeat.least != repeat.most) {
        walk->several++;
    }
    if (!repeat.endless && repeat.most > repeat.least) {
        walk->choices += bits(repeat.most - repeat.least);
    }
    return states * times(repeat);
}

/* States that libc's automaton has for all up to the closing parenthesis of this depth, or the end. */
static unsigned long count_states(walk_t *walk)
{
    unsigned long states = 0;
    char firsts[FIRSTS] = "";

    begins_like_another(firsts, walk->at);
    while (!walk->wrong && *walk->at != '\0' && (*walk->at != ')' || walk->depth == 0)) {
        walk_t before = *walk;
        unsigned long atom = count_atom(walk);

        if (*before.at == '|' && begins_like_another(firsts, walk->at)) {
            walk->several++;
            walk->choices++;
        }
        while (!walk->wrong && *walk->at != '\0' && strchr("*+?{", *walk->at) && atom <= MOST_STATES) {
            atom = repeat_atom(walk, atom, &before);
        }
        states += atom;
        if (states > MOST_STATES && !walk->wrong) {
            walk->wrong = "repetitions multiply to more than 1000: write smaller counts, or fewer inside one another";
        }
        if (walk->choices > MOST_CHOICES && !walk->wrong) {
            walk->wrong = "so many optional parts and counts from-to can match in millions of ways, which can take exponential time: write "
                          "fewer, or counts of one number";
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
