/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TEXT_H
#define AMLAPS_TEXT_H

/* Text: UTF-8, letter case, GUIDs, times, globs. Pure functions, any thread. */

#include "amlaps/base.h"

/** @return 1 where the bytes are well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms). */
int amlaps_text_is_utf8(const char *text, apr_size_t length);

/**
 * @return 1 where the text holds C0 or C1 control characters, U+2028, U+2029 or bidirectional controls (U+061C, U+200E, U+200F,
 * U+202A to U+202E, U+2066 to U+2069), or a byte that is not UTF-8; 0 for NULL.
 */
int amlaps_text_has_controls(const char *text);

/** The text with ASCII and simple Unicode letter case folded (Unicode CaseFolding.txt, status C and S); equal results mean equal
 *  names. Bytes that are not UTF-8 stay as they are; NULL stays NULL. */
const char *amlaps_text_fold(const char *text, apr_pool_t *pool);

/** @return 1 where both are the same after folding. No allocation. NULL equals nothing, not even NULL. */
int amlaps_text_equal_folded(const char *a, const char *b);

/** @return 1 where `name` matches `glob`: `*` any run, `?` one character (not byte), letter case folded, nothing else special.
 *  Time is bounded by length(glob) × length(name). */
int amlaps_text_glob(const char *glob, const char *name);

/**
 * A GUID, 8-4-4-4-12 hexadecimal digits and not all zero, in lower case. `guid` and `text` may be the same memory.
 * @return 1, or 0 where `text` is none (also for braces, white space, NULL)
 */
#define AMLAPS_GUID_LENGTH 36
int amlaps_text_guid(char guid[AMLAPS_GUID_LENGTH + 1], const char *text);

/** A fresh random GUID (RFC 9562, version 4) from the system's cryptographic generator. @return APR_SUCCESS, or APR_EGENERAL without entropy. */
apr_status_t amlaps_text_new_guid(char guid[AMLAPS_GUID_LENGTH + 1]);

/** ISO 8601 in UTC with milliseconds and Z: "2026-11-22T16:00:01.234Z". */
#define AMLAPS_TIME_LENGTH 24
const char *amlaps_text_time(apr_time_t time, apr_pool_t *pool);

/** Reads ISO 8601 as Graph writes it: 0 to 9 digits of fraction, Z, an offset, or nothing (then UTC); and as people do: without seconds, or
 *  a day alone, which begins in UTC. What lies beyond microseconds is cut off; years are 0001 to 9999. @return 1, or 0, then `*time` is as before */
int amlaps_text_read_time(apr_time_t *time, const char *text);

/** Base64 (RFC 4648, section 4) in one line, with padding. Not for secrets: the text stays in the pool. */
const char *amlaps_text_base64(const void *bytes, apr_size_t length, apr_pool_t *pool);
/** @param bytes room for 3 bytes for each 4 characters. @return 1, or 0 where it is no base64 in one line with padding */
int amlaps_text_read_base64(void *bytes, apr_size_t *length, const char *text, apr_size_t text_length);

/** @return 1 for localhost, ::1 (also in brackets) and 127.x.x.x: a name other than localhost could resolve to anything tomorrow */
int amlaps_text_is_loopback(const char *host);

/** Percent-encodes everything but RFC 3986's unreserved characters, byte by byte; NULL becomes "". */
const char *amlaps_text_percent(const char *text, apr_pool_t *pool);

/** A copy with control characters and bytes that are not UTF-8 written as \xNN, cut to at most `most` bytes, whole
 *  characters only: fit for a log line. A backslash stays one. NULL becomes "". */
const char *amlaps_text_printable(const char *text, apr_size_t most, apr_pool_t *pool);

#endif
