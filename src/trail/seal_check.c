/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The sealing state's file as configtest and post_config see it. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#include <apr_strings.h>

#include "amlaps/text.h"
#include "amlaps/trail.h"

#include "seal_file.h"

#define FILE_MODE 0600

/** Whoever may write to the directory may put another file there. */
static const char *check_directory(const char *path, apr_pool_t *pool)
{
    const char *slash = strrchr(path, '/');
    const char *directory = slash == path ? "/" : apr_pstrmemdup(pool, path, (apr_size_t)(slash - path));
    struct stat info;

    if (stat(directory, &info) != 0 || !S_ISDIR(info.st_mode)) {
        return apr_psprintf(pool, "there is no folder '%s'; make it, then run amlaps-audit init %s STORE", directory, path);
    }
    if ((info.st_mode & (S_IWOTH | S_IWGRP)) != 0 && (info.st_mode & S_ISVTX) == 0) {
        return apr_psprintf(pool, "others than its owner may write to the folder '%s'; chmod go-w, or name a folder of its own", directory);
    }
    return NULL;
}

/** Another file would be found out with the first request, and then every one is refused. */
static const char *check_state(const char *path, apr_pool_t *pool)
{
    amlaps_error_t error = { 0 };
    amlaps_seal_t seal = { 0 };
    apr_pool_t *own;
    apr_status_t status;

    apr_pool_create(&own, pool);
    status = amlaps_seal_file_peek(&seal, path, &error, own);
    explicit_bzero(&seal, sizeof(seal));
    apr_pool_destroy(own);
    /* Who may not read it can't tell, and configtest needs no privileges. */
    if (status == APR_SUCCESS || strcmp(error.id, "AML0231") != 0) {
        return NULL;
    }
    return apr_psprintf(pool, "%s%s", error.detail, status == APR_ENOTIMPL ? "" : "; or name the file that amlaps-audit init made");
}

const char *amlaps_trail_check_seal(const char *state, apr_pool_t *pool)
{
    const char *mistake;
    struct stat info;

    if (state[0] != '/' || state[strlen(state) - 1] == '/' || amlaps_text_has_controls(state) || strlen(state) >= PATH_MAX) {
        return "write the full path of the sealing state that amlaps-audit init made";
    }
    if ((mistake = check_directory(state, pool)) != NULL) {
        return mistake;
    }
    if (lstat(state, &info) != 0) {
        return errno == ENOENT ? apr_psprintf(pool, "there is no sealing state '%s'; make it with amlaps-audit init %s STORE, or put the lost one "
                                              "back or run amlaps-audit recover %s STORE", state, state, state)
                               : apr_psprintf(pool, "the sealing state '%s' cannot be looked at: %s", state, strerror(errno));
    }
    if (!S_ISREG(info.st_mode) || info.st_nlink != 1) {
        return apr_psprintf(pool, "'%s' is no plain file or has a second name; name the sealing state itself", state);
    }
    if ((info.st_mode & 077) != 0) {
        return apr_psprintf(pool, "others than its owner may read or write the sealing state '%s'; find out who did, then chmod 0600", state);
    }
    return check_state(state, pool);
}

apr_status_t amlaps_trail_prepare_seal(amlaps_error_t *error, const char *state, uid_t uid, gid_t gid)
{
    int fd = open(state, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat info;
    int reason = fd < 0 ? errno : 0;

    if (reason == 0 && (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_nlink != 1 || (info.st_mode & 07777 & ~FILE_MODE) != 0)) {
        reason = EINVAL;
    }
    if (reason == 0 && uid != (uid_t)-1 && (info.st_uid != uid || info.st_gid != gid) && fchown(fd, uid, gid) != 0) {
        reason = errno;
    }
    if (fd >= 0) {
        close(fd);
    }
    return reason == 0 ? APR_SUCCESS
                       : amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0230", APR_FROM_OS_ERROR(reason),
                                          "the sealing state %s cannot be given to httpd's children: %s", state, strerror(reason));
}
