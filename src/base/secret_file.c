/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "amlaps/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#include <apr_strings.h>

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

const char *amlaps_secret_read_file(amlaps_secret_t *secret, const char *path, apr_pool_t *pool)
{
    struct stat info;
    ssize_t got = -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0) {
        return apr_psprintf(pool, "'%s' can't be read (%s); write a file that root may read and that holds the secret", path, strerror(errno));
    }
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        close(fd);
        return apr_psprintf(pool, "'%s' is no file", path);
    }
    if (info.st_mode & (S_IROTH | S_IWOTH)) {
        close(fd);
        return apr_psprintf(pool, "'%s' is world-readable or world-writable; run: chmod 0600 '%s'", path, path);
    }
    if (folder_is_open(path, pool)) {
        close(fd);
        return apr_psprintf(pool, "the folder of '%s' may be written by everybody; run chmod o-w on it", path);
    }
    if (info.st_size > (off_t)(secret->room - secret->length)) {
        close(fd);
        return apr_psprintf(pool, "'%s' is larger than any secret; is it the right file?", path);
    }
    got = read(fd, secret->bytes + secret->length, secret->room - secret->length);
    close(fd);
    if (got < 0) {
        return apr_psprintf(pool, "'%s' can't be read (%s)", path, strerror(errno));
    }
    secret->length += (apr_size_t)got;
    secret->bytes[secret->length] = '\0';
    return NULL;
}
