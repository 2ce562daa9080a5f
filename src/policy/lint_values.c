/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/*
 * Values that most likely name nobody, or no device: above all a denial that never denies goes unnoticed. Names are free text, so only what no
 * name looks like is doubted.
 */

#include <apr_cstr.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

#include "amlaps/text.h"
#include "lint.h"

#define LONGEST_VALUE 100
#define NO_BREAK_SPACE "\xC2\xA0"
#define FEWEST_DIGITS 20 /* no word is that long in letters a to f and digits */

static int is_guid(const char *text)
{
    char guid[AMLAPS_GUID_LENGTH + 1];

    return amlaps_text_guid(guid, text);
}

static int is_padded(const char *text)
{
    size_t length = strlen(text);

    return text[0] == ' ' || text[length - 1] == ' ' || strncmp(text, NO_BREAK_SPACE, 2) == 0
           || (length >= 2 && strcmp(text + length - 2, NO_BREAK_SPACE) == 0);
}

/* Hexadecimal digits, dashes and brackets alone; or dashes where a GUID has them, with letters between that none has. */
static int resembles_guid(const char *text)
{
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    int digits = 0;
    size_t i;

    for (i = 0; text[i] != '\0' && (apr_isxdigit(text[i]) || strchr("{}()-", text[i])); i++) {
        digits += apr_isxdigit(text[i]) ? 1 : 0;
    }
    if (text[i] == '\0') {
        return digits >= FEWEST_DIGITS;
    }
    for (i = 0; form[i] != '\0' && (form[i] == '-' ? text[i] == '-' : apr_isalnum(text[i])); i++) {
    }
    return i == AMLAPS_GUID_LENGTH && text[i] == '\0';
}

/* Values of people are no patterns; somebody takes this for one. */
static int resembles_pattern(const char *text)
{
    return text[0] == '*' || text[strlen(text) - 1] == '*';
}

/* A GUID between commas or semicolons. */
static int lists_guids(const char *text, apr_pool_t *pool)
{
    char *rest = apr_pstrdup(pool, text), *state, *word;

    for (word = apr_strtok(rest, ",; ", &state); word; word = apr_strtok(NULL, ",; ", &state)) {
        if (is_guid(word)) {
            return 1;
        }
    }
    return 0;
}

static const char *doubt_group(const char *text, apr_pool_t *pool)
{
    if (is_guid(text)) {
        return NULL;
    }
    if (is_padded(text)) {
        return "begins or ends with a space, which no group's name does: write it without";
    }
    if (strpbrk(text, ",;") && lists_guids(text, pool)) {
        return "is one value, commas included, and no group has that name: write the GUIDs apart, with spaces";
    }
    if (resembles_pattern(text)) {
        return "is the name of one group, not a pattern: write each group's object id, with spaces between";
    }
    if (resembles_guid(text)) {
        return "looks like a GUID with a mistake in it, and is compared as a name: write the group's object id, 32 hexadecimal digits as "
               "8-4-4-4-12";
    }
    return NULL;
}

static const char *doubt_user(const char *text)
{
    if (is_guid(text)) {
        return NULL;
    }
    if (!strchr(text, '@')) {
        return "is neither a user name nor an object id: write one such as alice@contoso.com, or the GUID of the person's oid; to name a "
               "group write group";
    }
    if (is_padded(text)) {
        return "begins or ends with a space, which no user name does: write it without";
    }
    if (strpbrk(text, ",;")) {
        return "is one value, commas included, and nobody has that name: write the user names apart, with spaces";
    }
    if (strchr(text, '*')) {
        return "is one user name, not a pattern, and nobody has it: write each user name, or name people by group or role";
    }
    return NULL;
}

static const char *doubt_role(const char *text)
{
    if (strpbrk(text, ",;")) {
        return "is one value, commas included: write the roles apart, with spaces";
    }
    if (resembles_pattern(text)) {
        return "is one value, not a pattern: write each role, with spaces between";
    }
    return NULL;
}

/* Entra writes ids in lower case. */
static const char *doubt_claim(const char *claim, const char *text)
{
    static const char *const ids[] = {"oid", "tid", "groups", "wids"};
    char guid[AMLAPS_GUID_LENGTH + 1];
    size_t i;

    for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        if (strcmp(claim, ids[i]) == 0 && amlaps_text_guid(guid, text) && strcmp(guid, text) != 0) {
            return "is compared exactly, and no token has a GUID with capitals there: write it in lower case";
        }
    }
    return NULL;
}

static int is_word(const char *text, const char *word)
{
    return apr_cstr_casecmp(text, word) == 0;
}

/*
 * "group GUID user alice@contoso.com" is three groups. Roles and claims may well have the value "user": there, what follows must be what only
 * the other kind has.
 */
static const char *doubt_kind(const amlaps_entry_t *entry, apr_size_t place)
{
    const char *text = entry->values[place].written, *next = place + 1 < entry->count ? entry->values[place + 1].written : NULL;
    int user = is_word(text, amlaps_principal_word(AMLAPS_PRINCIPAL_USER)), group = is_word(text, amlaps_principal_word(AMLAPS_PRINCIPAL_GROUP));
    int found;

    if (entry->kind == AMLAPS_PRINCIPAL_GROUP) {
        found = is_word(text, amlaps_principal_word(AMLAPS_PRINCIPAL_ANYONE))
                || (next && (user || group || is_word(text, amlaps_principal_word(AMLAPS_PRINCIPAL_ROLE))
                             || is_word(text, amlaps_principal_word(AMLAPS_PRINCIPAL_CLAIM))));
    }
    else {
        found = next && ((user && strchr(next, '@')) || ((user || group) && is_guid(next)));
    }
    return place > 0 && found ? "is a value like those before it, as is what follows: a line names people of one kind, so write the other kind in "
                                "a line of its own"
                              : NULL;
}

static int is_selector(const char *text)
{
    int selector;

    for (selector = AMLAPS_SELECT_ID; selector <= AMLAPS_SELECT_ALL; selector++) {
        if (is_word(text, amlaps_selector_word((amlaps_selector_t)selector))) {
            return 1;
        }
    }
    return 0;
}

static const char *say(const char *what, const char *written, const char *doubt, apr_pool_t *pool)
{
    return doubt ? apr_psprintf(pool, "%s \"%s\" %s", what, amlaps_text_printable(written, LONGEST_VALUE, pool), doubt) : NULL;
}

const char *amlaps_lint_value(const amlaps_entry_t *entry, apr_size_t place, apr_pool_t *pool)
{
    const char *written = entry->values[place].written, *doubt = NULL;

    if (entry->kind == AMLAPS_PRINCIPAL_GROUP) {
        doubt = doubt_group(written, pool);
    }
    if (entry->kind == AMLAPS_PRINCIPAL_USER) {
        doubt = doubt_user(written);
    }
    if (entry->kind == AMLAPS_PRINCIPAL_ROLE) {
        doubt = doubt_role(written);
    }
    if (entry->kind == AMLAPS_PRINCIPAL_CLAIM) {
        doubt = doubt_claim(entry->claim, written);
    }
    return say(amlaps_principal_word(entry->kind), written, doubt ? doubt : doubt_kind(entry, place), pool);
}

const char *amlaps_lint_pattern(const amlaps_line_t *line, apr_size_t place, apr_pool_t *pool)
{
    const char *written = line->values[place].written;
    const char *doubt = strpbrk(written, ",;") ? "is one pattern, commas included, and no device has such a name: write the patterns apart, with spaces"
                        : is_padded(written)   ? "begins or ends with a space, which no device's name does: write it without"
                        : place > 0 && is_selector(written)
                            ? "is a pattern like those before it, as is what follows: a line names devices of one kind, so write the other kind "
                              "in a line of its own"
                            : NULL;

    return say("name", written, doubt, pool);
}
