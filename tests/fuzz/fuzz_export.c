/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* An exported trail as amlaps-audit verify reads it: whoever hands one in for proof may have written anything. */
#include <sys/mman.h>
#include <unistd.h>

#include <apr_strings.h>

#include "amlaps/digest.h"
#include "amlaps/text.h"
#include "amlaps/trail.h"
#include "fuzz.h"

void fuzz_one(const uint8_t *bytes, size_t length, apr_pool_t *pool)
{
    amlaps_verify_t result = {0};
    amlaps_error_t error = {0};
    const int fd = memfd_create("export", MFD_CLOEXEC);

    fuzz_check(fd >= 0 && write(fd, bytes, length) == (ssize_t)length);
    const char *path = apr_psprintf(pool, "/proc/self/fd/%d", fd);
    if (amlaps_trail_verify_file(&result, &error, path, NULL, pool) != APR_SUCCESS) {
        fuzz_check_error(&error);
    }
    else {
        fuzz_check(result.records >= 0 && (apr_size_t)result.records <= length && result.last >= result.records);
        fuzz_check((result.first_bad == 0) == (result.problem[0] == '\0') && !amlaps_text_has_controls(result.problem));
        fuzz_check(strlen(result.head) == AMLAPS_DIGEST_HEX);
    }
    close(fd);
}
