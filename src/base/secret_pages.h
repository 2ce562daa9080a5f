/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_SECRET_PAGES_H
#define AMLAPS_SECRET_PAGES_H

/* Whole pages that are not dumped, not swapped where the limits allow, and wiped before anybody else gets them. Any thread. */

#include <apr.h>

/** @param size set to the bytes of the pages, more than `room` @return pages of zeros, NULL without memory */
char *amlaps_secret_pages_take(apr_size_t *size, apr_size_t room);

/** Wipes the pages. @param pages NULL: none @param zeros 1 where they hold nothing but zeros already */
void amlaps_secret_pages_give(char *pages, apr_size_t size, int zeros);

#endif
