/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* A glob and, on the next line, a name, against the shortest matcher that can be written. */
#include "amlaps/text.h"
#include "fuzz.h"

#define LONGEST 24 /* the shortest matcher is not the fastest: it takes time exponential in the stars */
#define MOST_STARS 5

static const char *behind(const char *character)
{
    do {
        character++;
    } while (((unsigned char)*character & 0xC0) == 0x80);
    return character;
}

static int matches(const char *glob, const char *name)
{
    if (!*glob) {
        return !*name;
    }
    if (*glob == '*') {
        return matches(glob + 1, name) || (*name && matches(glob, behind(name)));
    }
    if (!*name || (*glob != '?' && (behind(glob) - glob != behind(name) - name || memcmp(glob, name, (size_t)(behind(glob) - glob)) != 0))) {
        return 0;
    }
    return matches(behind(glob), behind(name));
}

static int may_compare(const char *glob, const char *name)
{
    int stars = 0;

    for (const char *c = glob; *c; c++) {
        stars += *c == '*';
    }
    return stars <= MOST_STARS && strlen(glob) <= LONGEST && strlen(name) <= LONGEST && amlaps_text_is_utf8(glob, strlen(glob))
           && amlaps_text_is_utf8(name, strlen(name));
}

void fuzz_one(const uint8_t *bytes, size_t length, apr_pool_t *pool)
{
    char *glob = (char *)fuzz_text(bytes, length, pool), *name = strchr(glob, '\n');

    if (!name) {
        return;
    }
    *name++ = '\0';
    const int found = amlaps_text_glob(glob, name);
    fuzz_check(found == 0 || found == 1);
    if (may_compare(glob, name)) {
        fuzz_check(found == matches(amlaps_text_fold(glob, pool), amlaps_text_fold(name, pool)));
    }
}
