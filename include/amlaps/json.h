/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_JSON_H
#define AMLAPS_JSON_H

/*
 * JSON (RFC 8259), the one door to jansson. A value lives as long as the pool that it was parsed or made in; members and items
 * are borrowed from it. One thread at a time per document.
 */

#include "amlaps/secret.h"

typedef struct json_t amlaps_json_t;

typedef enum amlaps_json_kind_t {
    AMLAPS_JSON_NONE, /* no value at all: the argument was NULL */
    AMLAPS_JSON_NULL,
    AMLAPS_JSON_BOOL,
    AMLAPS_JSON_INTEGER,
    AMLAPS_JSON_REAL,
    AMLAPS_JSON_TEXT,
    AMLAPS_JSON_ARRAY,
    AMLAPS_JSON_OBJECT
} amlaps_json_kind_t;

/**
 * Parses one whole document: valid UTF-8, no repeated member, nothing after it, no NUL inside a text, at most 128 levels deep.
 * @param why where it is broken, for the log (at most 160 bytes, never the text itself); may be NULL
 * @return APR_SUCCESS, or APR_EGENERAL
 */
apr_status_t amlaps_json_parse(amlaps_json_t **json, char why[160], const char *text, apr_size_t length, apr_pool_t *pool);

amlaps_json_kind_t amlaps_json_kind(const amlaps_json_t *json);

/** @return the member, or NULL where `json` is no object or has none of that name. */
amlaps_json_t *amlaps_json_member(const amlaps_json_t *json, const char *name);

/** Items of an array; 0 and NULL for anything else. */
apr_size_t amlaps_json_length(const amlaps_json_t *json);
amlaps_json_t *amlaps_json_item(const amlaps_json_t *json, apr_size_t index);

/** Walks an object's members in no promised order; stops where `visit` returns 0. */
typedef int (*amlaps_json_visit_t)(void *baton, const char *name, amlaps_json_t *value);
void amlaps_json_each(const amlaps_json_t *json, amlaps_json_visit_t visit, void *baton);

/** @return the text, NUL-terminated UTF-8 without NUL inside, or NULL where `json` is no text. */
const char *amlaps_json_text(const amlaps_json_t *json);
/** The text of a member, or NULL. */
const char *amlaps_json_member_text(const amlaps_json_t *json, const char *name);

/** @return 1 and the value, or 0 where `json` is of another kind. */
int amlaps_json_integer(const amlaps_json_t *json, apr_int64_t *value);
int amlaps_json_bool(const amlaps_json_t *json, int *value);

/** New values; a NULL text or value becomes JSON null. Texts that are not UTF-8 get U+FFFD for each bad byte. Where the target is
 *  not of the right kind, nothing happens. Without memory the process ends, as with a pool: no record may lack a member. */
amlaps_json_t *amlaps_json_make_object(apr_pool_t *pool);
amlaps_json_t *amlaps_json_make_array(apr_pool_t *pool);

/** Sets a member (an equal name is replaced) or adds an item. `value` may be shared by several and
 *  changed later; it stays as long as whichever of them or its own pool lives longest. It must not hold its target. */
void amlaps_json_set(amlaps_json_t *object, const char *name, amlaps_json_t *value);
void amlaps_json_set_text(amlaps_json_t *object, const char *name, const char *text);
/** As amlaps_json_set_text, but leaves the member out where `text` is NULL. */
void amlaps_json_set_known(amlaps_json_t *object, const char *name, const char *text);
void amlaps_json_set_integer(amlaps_json_t *object, const char *name, apr_int64_t value);
void amlaps_json_set_bool(amlaps_json_t *object, const char *name, int value);
void amlaps_json_set_null(amlaps_json_t *object, const char *name);
void amlaps_json_remove(amlaps_json_t *object, const char *name);
void amlaps_json_add(amlaps_json_t *array, amlaps_json_t *value);
void amlaps_json_add_text(amlaps_json_t *array, const char *text);

/**
 * The canonical text (RFC 8785): members sorted, no white space, shortest escapes. Numbers must be whole; a real becomes null.
 * This is also the text that the API and the audit use everywhere, so that there is one way to write JSON.
 */
const char *amlaps_json_canonical(const amlaps_json_t *json, apr_pool_t *pool);

/** Writes `text` as a JSON string with its quotes to `target`, which must hold 6 bytes a character and 3 more; no NUL at the end.
 *  @return the number of bytes. For secrets, which must not pass through a pool. */
apr_size_t amlaps_json_write_text(char *target, const char *text, apr_size_t length);

/**
 * The same JSON for people to look at: C1 control characters, DEL, and what turns the direction of a text, which RFC 8785 leaves as they are, stand
 * as \uXXXX, so that no terminal obeys them. What is no JSON does not become any. @return `json` itself where nothing had to change
 */
const char *amlaps_json_legible(apr_size_t *length, const char *json, apr_size_t json_length, apr_pool_t *pool);

/** @return how many bytes of a text, which is no JSON yet, take at most `most` there (quotes and backslashes counted once) */
apr_size_t amlaps_json_legible_prefix(const char *text, apr_size_t length, apr_size_t most);

/**
 * A text with secrets, written into their memory from its first byte. Names stand in canonical order where the caller puts them so; a NULL name is
 * for the whole value and for items of an array. Commas come by themselves.
 */
typedef struct amlaps_json_out_t {
    amlaps_secret_t *target;
    apr_status_t status; /* APR_SUCCESS, or the first failure, APR_ENOMEM: nothing is added from then on */
} amlaps_json_out_t;

/** @param bracket '{' or '[', and for the end '}' or ']' */
void amlaps_json_put_open(amlaps_json_out_t *out, const char *name, char bracket);
void amlaps_json_put_close(amlaps_json_out_t *out, char bracket);

/** A NULL text becomes JSON null; bytes that are not UTF-8 become U+FFFD. */
void amlaps_json_put_text(amlaps_json_out_t *out, const char *name, const char *text);
void amlaps_json_put_bytes(amlaps_json_out_t *out, const char *name, const char *text, apr_size_t length);
void amlaps_json_put_integer(amlaps_json_out_t *out, const char *name, apr_int64_t value);
void amlaps_json_put_bool(amlaps_json_out_t *out, const char *name, int value);
void amlaps_json_put_null(amlaps_json_out_t *out, const char *name);

#endif
