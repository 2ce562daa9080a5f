/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "credential_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#define MOST 65536

/* A folder that everybody may write, without the sticky bit, lets everybody swap the file. */
static int folder_is_open(const char *path, apr_pool_t *pool)
{
    char *folder = apr_pstrdup(pool, path), *slash = strrchr(folder, '/');
    struct stat info;

    if (!slash) {
        return 0;
    }
    slash[slash == folder ? 1 : 0] = '\0';
    return stat(folder, &info) == 0 && (info.st_mode & S_IWOTH) && !(info.st_mode & S_ISVTX);
}

static const char *check(int fd, const char *path, amlaps_file_care_t care, apr_pool_t *pool)
{
    struct stat info;

    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        return apr_psprintf(pool, "'%s' is no file", path);
    }
    if (care == AMLAPS_FILE_SECRET && (info.st_mode & (S_IROTH | S_IWOTH))) {
        return apr_psprintf(pool, "'%s' is world-readable or world-writable; run: chmod o= '%s'", path, path);
    }
    if (info.st_mode & S_IWOTH) {
        return apr_psprintf(pool, "'%s' is world-writable; run: chmod o-w '%s'", path, path);
    }
    if (folder_is_open(path, pool)) {
        return apr_psprintf(pool, "the folder of '%s' may be written by everybody; run chmod o-w on it", path);
    }
    if (info.st_size > MOST) {
        return apr_psprintf(pool, "'%s' is larger than any credential; is it the right file?", path);
    }
    return NULL;
}

/* A file may grow while it is read; what is beyond the limit is refused then too. */
static const char *read_all(amlaps_secret_t *bytes, int fd, const char *path, apr_pool_t *pool)
{
    for (;;) {
        const ssize_t got = read(fd, bytes->bytes + bytes->length, MOST - bytes->length);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return apr_psprintf(pool, "'%s' can't be read (%s)", path, strerror(errno));
        }
        bytes->length += (apr_size_t)got;
        if (got == 0 || bytes->length == MOST) {
            bytes->bytes[bytes->length] = '\0';
            return bytes->length ? NULL : apr_psprintf(pool, "'%s' is empty", path);
        }
    }
}

const char *amlaps_credential_file(amlaps_secret_t **bytes, const char *path, amlaps_file_care_t care, apr_pool_t *pool)
{
    amlaps_secret_t *made = amlaps_secret_make(MOST, pool);
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    *bytes = NULL;
    if (fd < 0) {
        return apr_psprintf(pool, "'%s' can't be read (%s)", path, strerror(errno));
    }
    const char *mistake = made ? check(fd, path, care, pool) : "out of memory";
    if (!mistake) {
        mistake = read_all(made, fd, path, pool);
    }
    close(fd);
    if (mistake) {
        if (made) {
            amlaps_secret_wipe(made);
        }
        return mistake;
    }
    *bytes = made;
    return NULL;
}
