/* Licensed under the Apache License, Version 2.0; see LICENSE. */

/* Values that name people, and most likely nobody. Names are free text, so only what no name looks like is doubted. */

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

/* A GUID between commas. */
static int lists_guids(const char *text, apr_pool_t *pool)
{
    char *rest = apr_pstrdup(pool, text), *state, *word;

    for (word = apr_strtok(rest, ", ", &state); word; word = apr_strtok(NULL, ", ", &state)) {
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
    if (strchr(text, ',') && lists_guids(text, pool)) {
        return "is one value, commas included, and no group has that name: write the GUIDs apart, with spaces";
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
    if (strchr(text, ',')) {
        return "is one value, commas included, and nobody has that name: write the user names apart, with spaces";
    }
    return NULL;
}

const char *amlaps_lint_value(amlaps_principal_t kind, const char *written, apr_pool_t *pool)
{
    const char *doubt = NULL;

    if (kind == AMLAPS_PRINCIPAL_GROUP) {
        doubt = doubt_group(written, pool);
    }
    if (kind == AMLAPS_PRINCIPAL_USER) {
        doubt = doubt_user(written);
    }
    return doubt ? apr_psprintf(pool, "%s \"%s\" %s", amlaps_principal_word(kind), amlaps_text_printable(written, LONGEST_VALUE, pool),
                                doubt)
                 : NULL;
}
