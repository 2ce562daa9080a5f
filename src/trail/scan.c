/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "view.h"

#include <string.h>

#include "amlaps/text.h"

/*
 * Canonical JSON in one pass: members in ascending order, no white space, the shortest escapes, whole numbers. Names are plain ASCII here, so
 * that the order of bytes is the order of UTF-16. What looks different in any way is left to the parser.
 */

#define DEPTH 8
#define DIGITS 15

typedef struct scan_t {
    const char *at, *end;
    amlaps_view_t *view;
    const char *start;
    amlaps_slice_t cut[2]; /* hash and anchor with a comma, to be left out of what is hashed */
    int cuts;
} scan_t;

enum { PLAIN, QUOTE, ESCAPE, HIGH, REFUSED };

static int class_of(unsigned char byte)
{
    return byte >= 0x80 ? HIGH : byte < 0x20 ? REFUSED : byte == '"' ? QUOTE : byte == '\\' ? ESCAPE : PLAIN;
}

/** `at` is behind a backslash. @return bytes of the escape, 0 where it is not the shortest one */
static int escape_length(const char *at, const char *end)
{
    static const char shorter[] = "\b\t\n\f\r";

    if (at < end && *at != '\0' && strchr("\"\\bfnrt", *at) != NULL) {
        return 1;
    }
    if (end - at >= 5 && memcmp(at, "u00", 3) == 0 && (at[3] == '0' || at[3] == '1') && at[4] != '\0'
        && strchr("0123456789abcdef", at[4]) != NULL) {
        int code = (at[3] - '0') * 16 + (at[4] <= '9' ? at[4] - '0' : at[4] - 'a' + 10);

        return code != 0 && strchr(shorter, code) == NULL ? 5 : 0;
    }
    return 0;
}

/** Takes a text with its quotes. @param plain set to 0 where it holds escapes or more than ASCII */
static int take_text(scan_t *scan, amlaps_slice_t *slice, int *escaped, int *ascii)
{
    const char *at = scan->at;

    if (at == scan->end || *at++ != '"') {
        return 0;
    }
    slice->text = at;
    *escaped = 0;
    *ascii = 1;
    for (; at < scan->end; at++) {
        int length;

        switch (class_of((unsigned char)*at)) {
        case PLAIN:
            break;
        case HIGH:
            *ascii = 0;
            break;
        case ESCAPE:
            *escaped = 1;
            if ((length = escape_length(at + 1, scan->end)) == 0) {
                return 0;
            }
            at += length;
            break;
        case QUOTE:
            slice->length = (apr_size_t)(at - slice->text);
            scan->at = at + 1;
            return *ascii || amlaps_text_is_utf8(slice->text, slice->length);
        default:
            return 0;
        }
    }
    return 0;
}

static int take_number(scan_t *scan, apr_int64_t *number)
{
    const char *at = scan->at;
    int negative = at < scan->end && *at == '-';
    const char *first = at + negative;

    *number = 0;
    for (at = first; at < scan->end && *at >= '0' && *at <= '9'; at++) {
        *number = *number * 10 + (*at - '0');
        if (at - first >= DIGITS) {
            return 0;
        }
    }
    if (at == first || (*first == '0' && (at - first > 1 || negative)) || at == scan->end || (*at != ',' && *at != '}' && *at != ']')) {
        return 0;
    }
    *number = negative ? -*number : *number;
    scan->at = at;
    return 1;
}

static int take_word(scan_t *scan, const char *word)
{
    size_t length = strlen(word);

    if ((size_t)(scan->end - scan->at) < length || memcmp(scan->at, word, length) != 0) {
        return 0;
    }
    scan->at += length;
    return 1;
}

static int is_name(const amlaps_slice_t *name, const char *word)
{
    return strlen(word) == name->length && memcmp(name->text, word, name->length) == 0;
}

/** Which field a member is, of the record or of one of its objects. */
static int field_of(const amlaps_slice_t *object, const amlaps_slice_t *name)
{
    static const struct {
        const char *object, *member;
        amlaps_field_t field;
    } known[] = {
        { NULL, "anchor", AMLAPS_FIELD_ANCHOR }, { NULL, "code", AMLAPS_FIELD_CODE }, { NULL, "event", AMLAPS_FIELD_EVENT },
        { NULL, "hash", AMLAPS_FIELD_HASH }, { NULL, "id", AMLAPS_FIELD_ID }, { NULL, "outcome", AMLAPS_FIELD_OUTCOME },
        { NULL, "prev", AMLAPS_FIELD_PREV }, { NULL, "stage", AMLAPS_FIELD_STAGE }, { NULL, "time", AMLAPS_FIELD_TIME },
        { "actor", "name", AMLAPS_FIELD_ACTOR_NAME }, { "actor", "oid", AMLAPS_FIELD_ACTOR_OID },
        { "actor", "subject", AMLAPS_FIELD_ACTOR_SUBJECT }, { "actor", "username", AMLAPS_FIELD_ACTOR_USERNAME },
        { "device", "deviceId", AMLAPS_FIELD_DEVICE_ID }, { "device", "name", AMLAPS_FIELD_DEVICE_NAME },
        { "seal", "anchor", AMLAPS_FIELD_SEAL_ANCHOR }, { "seal", "hash", AMLAPS_FIELD_SEAL_HASH }
    };
    size_t i;

    for (i = 0; i < sizeof(known) / sizeof(*known); i++) {
        if ((object == NULL) == (known[i].object == NULL) && (object == NULL || is_name(object, known[i].object))
            && is_name(name, known[i].member)) {
            return (int)known[i].field;
        }
    }
    return AMLAPS_FIELDS;
}

static apr_int64_t *number_of(amlaps_view_t *view, const amlaps_slice_t *object, const amlaps_slice_t *name)
{
    if (object == NULL) {
        return is_name(name, "seq") ? &view->seq : is_name(name, "v") ? &view->version : NULL;
    }
    if (is_name(object, "seal")) {
        return is_name(name, "first") ? &view->seal_first : is_name(name, "last") ? &view->seal_last : NULL;
    }
    return NULL;
}

static int take_value(scan_t *scan, const amlaps_slice_t *object, const amlaps_slice_t *name, int depth);

static int take_array(scan_t *scan, int depth)
{
    static const amlaps_slice_t nowhere = { "", 0 };

    scan->at++;
    if (take_word(scan, "]")) {
        return 1;
    }
    do {
        if (!take_value(scan, &nowhere, &nowhere, depth + 1)) {
            return 0;
        }
    } while (take_word(scan, ","));
    return take_word(scan, "]");
}

static int compare_names(const amlaps_slice_t *a, const amlaps_slice_t *b)
{
    int order = memcmp(a->text, b->text, a->length < b->length ? a->length : b->length);

    return order != 0 ? order : a->length < b->length ? -1 : a->length > b->length;
}

/** Remembers a member of the record that is not hashed. Where it is the last one, the parser must decide. */
static int cut(scan_t *scan, const amlaps_slice_t *name)
{
    amlaps_slice_t *member = &scan->cut[scan->cuts];

    if (scan->cuts == 2 || scan->at == scan->end || *scan->at != ',') {
        return 0;
    }
    member->text = name->text - 1;
    member->length = (apr_size_t)(scan->at + 1 - member->text);
    scan->cuts++;
    return 1;
}

/** @param object name of this object, NULL: the record; an object within another one has none of the fields */
static int take_object(scan_t *scan, const amlaps_slice_t *object, int depth)
{
    amlaps_slice_t before = { "", 0 };

    scan->at++;
    if (take_word(scan, "}")) {
        return 1;
    }
    do {
        amlaps_slice_t name;
        int escaped, ascii;

        if (!take_text(scan, &name, &escaped, &ascii) || escaped || !ascii || !take_word(scan, ":")
            || (before.text[0] != '\0' && compare_names(&before, &name) >= 0) || name.length == 0
            || !take_value(scan, object, &name, depth)) {
            return 0;
        }
        if (object == NULL && (is_name(&name, "hash") || is_name(&name, "anchor")) && !cut(scan, &name)) {
            return 0;
        }
        before = name;
    } while (take_word(scan, ","));
    return take_word(scan, "}");
}

static int take_field(scan_t *scan, const amlaps_slice_t *object, const amlaps_slice_t *name)
{
    int field = field_of(object, name);
    amlaps_slice_t text;
    int escaped, ascii;

    if (!take_text(scan, &text, &escaped, &ascii) || (field != AMLAPS_FIELDS && escaped)) {
        return 0;
    }
    if (field != AMLAPS_FIELDS) {
        scan->view->field[field] = text;
    }
    return 1;
}

static int take_value(scan_t *scan, const amlaps_slice_t *object, const amlaps_slice_t *name, int depth)
{
    static const amlaps_slice_t deeper = { "", 0 };
    apr_int64_t *number = number_of(scan->view, object, name);
    apr_int64_t other;

    if (scan->at == scan->end || depth > DEPTH) {
        return 0;
    }
    switch (*scan->at) {
    case '"':
        return take_field(scan, object, name);
    case '{':
        return take_object(scan, object == NULL ? name : &deeper, depth + 1);
    case '[':
        return take_array(scan, depth);
    case 't':
        return take_word(scan, "true");
    case 'f':
        return take_word(scan, "false");
    case 'n':
        return take_word(scan, "null");
    default:
        return take_number(scan, number != NULL ? number : &other);
    }
}

/** What is hashed: the line without the members that were cut. */
static void find_pieces(amlaps_view_t *view, const scan_t *scan)
{
    const char *from = scan->start;
    int i;

    for (i = 0; i < scan->cuts; i++) {
        view->hashed[view->pieces++] = (amlaps_piece_t){ from, (apr_size_t)(scan->cut[i].text - from) };
        from = scan->cut[i].text + scan->cut[i].length;
    }
    view->hashed[view->pieces++] = (amlaps_piece_t){ from, (apr_size_t)(scan->end - from) };
}

int amlaps_view_scan(amlaps_view_t *view, const char *line, apr_size_t length)
{
    scan_t scan = { line, line + length, view, line, { { NULL, 0 }, { NULL, 0 } }, 0 };

    memset(view, 0, sizeof(*view));
    if (length == 0 || *line != '{' || !take_object(&scan, NULL, 0) || scan.at != scan.end) {
        return 0;
    }
    if (view->field[AMLAPS_FIELD_ANCHOR].text == NULL && scan.cuts > (view->field[AMLAPS_FIELD_HASH].text != NULL)) {
        return 0;
    }
    find_pieces(view, &scan);
    return 1;
}
