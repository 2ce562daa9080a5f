/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_BASE_TEXT_INTERNAL_H
#define AMLAPS_BASE_TEXT_INTERNAL_H

/* UTF-8, character by character, for the files of this room. Pure functions, any thread. */

#include "amlaps/text.h"

/** Most bytes of one character. */
#define AMLAPS_UTF8_MOST 4

/**
 * Reads one character of well-formed UTF-8 (RFC 3629).
 * @return its length in bytes, or 0 where `left` is 0 or the first byte begins none
 */
apr_size_t amlaps_text_decode(apr_uint32_t *point, const char *text, apr_size_t left);

/** Writes one code point of at most U+10FFFF. @return its length in bytes, 1 to AMLAPS_UTF8_MOST */
apr_size_t amlaps_text_encode(char target[AMLAPS_UTF8_MOST], apr_uint32_t point);

/** @return 1 where amlaps_text_has_controls() minds this code point */
int amlaps_text_is_control(apr_uint32_t point);

/** @return the code point that stands for all of the same letter in any case */
apr_uint32_t amlaps_text_fold_point(apr_uint32_t point);

/**
 * Takes one unit off a NUL-terminated text for comparison: a folded code point, or for a byte that is not UTF-8 a value that
 * only the same byte has.
 * @return 0 at the end, where `*text` stays
 */
apr_uint32_t amlaps_text_next_folded(const char **text);

/**
 * Writes `text` with control characters and bytes that are not UTF-8 as \xNN, whole characters only, at most `most` bytes, no
 * NUL at the end.
 * @param target may be NULL to measure
 * @return the number of bytes
 */
apr_size_t amlaps_text_escape_controls(char *target, apr_size_t most, const char *text);

/** Takes a character off the end that a cut has left incomplete. Other bytes that are not UTF-8 stay. */
void amlaps_text_trim_half(char *text);

#endif
