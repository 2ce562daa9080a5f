/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "amlaps/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#include <apr_strings.h>

/* Who may write to a folder without the sticky bit may swap the file. A group counts as everybody does: its members come and go. Only that of root is
 * root's own, and some systems give it every folder; and whoever starts httpd for themselves often has a group of their own. */
static const char *folder_mistake(const char *path, apr_pool_t *pool)
{
    char *folder = apr_pstrdup(pool, path), *slash = strrchr(folder, '/');
    struct stat info;

    if (!slash) {
        return NULL;
    }
    slash[slash == folder ? 1 : 0] = '\0';
    if (stat(folder, &info) != 0 || (info.st_mode & S_ISVTX)) {
        return NULL;
    }
    if (info.st_mode & S_IWOTH) {
        return apr_psprintf(pool, "the folder of '%s' may be written by everybody; run: chmod o-w '%s'", path, folder);
    }
    if ((info.st_mode & S_IWGRP) && info.st_gid != 0 && info.st_gid != getegid()) {
        return apr_psprintf(pool, "the folder of '%s' may be written by its group, and so the file be replaced; run: chmod g-w '%s'", path, folder);
    }
    return NULL;
}

static const char *check(int fd, const char *path, amlaps_file_care_t care, apr_size_t room, apr_pool_t *pool)
{
    struct stat info;

    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        return apr_psprintf(pool, "'%s' is no file; name a file, not a folder or a device", path);
    }
    if (care == AMLAPS_FILE_SECRET && (info.st_mode & (S_IROTH | S_IWOTH))) {
        return apr_psprintf(pool, "'%s' is world-readable or world-writable; run: chmod o= '%s'", path, path);
    }
    if (info.st_mode & S_IWOTH) {
        return apr_psprintf(pool, "'%s' is world-writable; run: chmod o-w '%s'", path, path);
    }
    if (info.st_size > (off_t)room) {
        return apr_psprintf(pool, "'%s' is larger than anything that belongs here; is it the right file?", path);
    }
    return folder_mistake(path, pool);
}

/* A file may grow while it is read: no more is taken than there is room for. */
static const char *read_all(amlaps_secret_t *secret, int fd, const char *path, apr_pool_t *pool)
{
    ssize_t got = 1;

    while (got != 0 && secret->length < secret->room) {
        got = read(fd, secret->bytes + secret->length, secret->room - secret->length);
        if (got > 0) {
            secret->length += (apr_size_t)got;
        }
        if (got < 0 && errno != EINTR) {
            return apr_psprintf(pool, "'%s' can't be read (%s)", path, strerror(errno));
        }
    }
    secret->bytes[secret->length] = '\0';
    return NULL;
}

/*
 * Editors and shells of Windows put one before the text, where nobody sees it. PEM is read over what stands in the lines before it, such as the bag
 * attributes of openssl pkcs12, so that it spoils a first line of its own alone.
 */
static int is_spoilt_by_mark(const amlaps_secret_t *secret)
{
    static const char mark[] = "\xef\xbb\xbf", pem[] = "\n-----BEGIN ";
    const apr_size_t skip = sizeof(mark) - 1;

    return secret->length >= skip && memcmp(secret->bytes, mark, skip) == 0 &&
           (strncmp(secret->bytes + skip, pem + 1, sizeof(pem) - 2) == 0 || !strstr(secret->bytes + skip, pem));
}

const char *amlaps_secret_read_file(amlaps_secret_t *secret, const char *path, amlaps_file_care_t care, apr_pool_t *pool)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    const char *mistake;

    if (fd < 0) {
        return apr_psprintf(pool, "'%s' can't be read (%s); name a file that is there and that httpd may read", path, strerror(errno));
    }
    mistake = check(fd, path, care, secret->room - secret->length, pool);
    if (!mistake) {
        mistake = read_all(secret, fd, path, pool);
    }
    if (!mistake && care == AMLAPS_FILE_SECRET && is_spoilt_by_mark(secret)) {
        mistake = apr_psprintf(pool, "'%s' begins with a byte order mark; write it as UTF-8 without one (in an editor: UTF-8 without BOM)", path);
    }
    close(fd);
    return mistake;
}
