/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_FUZZ_H
#define AMLAPS_FUZZ_H

/*
 * One program for each parser of what comes from outside. libFuzzer invents the bytes (make fuzz); replay.c gives the bytes of the corpus
 * (make check). Every input that is not understood must end in an error, and what is taken must be what the parser's face promises.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "amlaps/base.h"

/** What each program provides. @param pool for this input alone */
void fuzz_one(const uint8_t *bytes, size_t length, apr_pool_t *pool);

/** What libFuzzer and replay.c call: fuzz_one with a pool, and everything freed behind it. @return 0 */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/** A promise that does not hold ends the program, which libFuzzer and replay.c report with the input. */
#define fuzz_check(promise)                                                               \
    do {                                                                                  \
        if (!(promise)) {                                                                 \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #promise);         \
            abort();                                                                      \
        }                                                                                 \
    } while (0)

/** The bytes with a NUL behind them, cut at the first NUL among them: what a C string would be. */
const char *fuzz_text(const uint8_t *bytes, size_t length, apr_pool_t *pool);

/** Cuts the next piece off a text, up to a line that is "%%" alone or the end. @return NULL where there is none left */
const char *fuzz_piece(char **rest);

/** An error that is one: a code, an id, and a detail that is printable. */
void fuzz_check_error(const amlaps_error_t *error);

#endif
