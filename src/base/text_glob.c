/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "amlaps/text.h"

#include "text_internal.h"

int amlaps_text_glob(const char *glob, const char *name)
{
    /* Where to go on after a mismatch: the last star may always take one character more. Earlier stars need no second try,
     * because what follows them has matched at its earliest place already; that keeps the time quadratic at worst. */
    const char *after_star = NULL;
    const char *star_end = NULL;

    if (glob == NULL || name == NULL) {
        return 0;
    }
    while (*name != '\0') {
        const char *glob_next = glob;
        const char *name_next = name;
        apr_uint32_t wanted;
        apr_uint32_t found;

        if (*glob == '*') {
            after_star = ++glob;
            star_end = name;
            continue;
        }
        wanted = amlaps_text_next_folded(&glob_next);
        found = amlaps_text_next_folded(&name_next);
        if (wanted == '?' || wanted == found) {
            glob = glob_next;
            name = name_next;
        }
        else if (after_star != NULL) {
            (void)amlaps_text_next_folded(&star_end);
            glob = after_star;
            name = star_end;
        }
        else {
            return 0;
        }
    }
    while (*glob == '*') {
        glob++;
    }
    return *glob == '\0';
}
