/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "seal_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/stat.h>

#include <apr_strings.h>

#include "look.h"

#define SLOTS 2
#define SLOT 512
/* Two blocks of the largest common disk block, so that no write of one slot touches the other. */
#define APART 4096
#define FORMAT "amlaps-seal 1 "
#define FILE_MODE 0600
#define PAUSE_NSEC 500000L
#define KEPT_MOST 100

struct amlaps_seal_file_t {
    const char *path;
    amlaps_trail_shared_t *shared;
    int fd; /* -1: closed */
    int locked;
    apr_int64_t counter; /* of the state; it was synced to slot `counter` % 2 */
    char *slot;          /* secret memory for one slot */
    amlaps_digest_t *digest;
};

static apr_status_t trouble(const char *path, const char *what, int reason, amlaps_error_t *error)
{
    return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0230", reason != 0 ? APR_FROM_OS_ERROR(reason) : APR_EGENERAL,
                            "the sealing state %s %s%s%s", path, what, reason != 0 ? ": " : "", reason != 0 ? strerror(reason) : "");
}

static apr_status_t release(void *baton)
{
    amlaps_seal_file_close(baton);
    return APR_SUCCESS;
}

amlaps_seal_file_t *amlaps_seal_file_make(const char *path, amlaps_trail_shared_t *shared, apr_pool_t *pool)
{
    amlaps_seal_file_t *file = apr_pcalloc(pool, sizeof(*file));
    amlaps_secret_t *slot = amlaps_secret_make(SLOT, pool);

    if (slot == NULL) {
        return NULL;
    }
    file->path = apr_pstrdup(pool, path);
    file->shared = shared;
    file->fd = -1;
    file->slot = slot->bytes;
    file->digest = amlaps_digest_make(pool);
    apr_pool_cleanup_register(pool, file, release, apr_pool_cleanup_null);
    return file;
}

void amlaps_seal_file_close(amlaps_seal_file_t *file)
{
    if (file->fd >= 0) {
        close(file->fd); /* and with it goes the lock */
    }
    file->fd = -1;
    file->locked = 0;
}

/* ---- one slot ---- */

static void write_slot(char slot[SLOT], amlaps_digest_t *digest, apr_int64_t counter, const amlaps_seal_t *seal)
{
    unsigned char sum[AMLAPS_DIGEST_BYTES];
    amlaps_piece_t piece = { slot, 0 };
    int length = snprintf(slot, SLOT, FORMAT "%" APR_INT64_T_FMT " %" APR_INT64_T_FMT " %" APR_INT64_T_FMT " %s ", counter,
                          seal->first, seal->seq, seal->head);

    amlaps_digest_hex(slot + length, seal->anchor);
    length += AMLAPS_DIGEST_HEX;
    slot[length++] = ' ';
    amlaps_digest_hex(slot + length, seal->key);
    length += AMLAPS_DIGEST_HEX;
    slot[length++] = ' ';
    piece.length = (apr_size_t)length;
    amlaps_digest_sum(sum, digest, &piece, 1);
    amlaps_digest_hex(slot + length, sum);
    length += AMLAPS_DIGEST_HEX;
    memset(slot + length, ' ', (size_t)(SLOT - length));
    slot[SLOT - 1] = '\n';
}

static int read_number(apr_int64_t *number, char **text)
{
    char *end;

    errno = 0;
    *number = strtoll(*text, &end, 10);
    if (end == *text || *end != ' ' || errno != 0 || *number < 0) {
        return 0;
    }
    *text = end + 1;
    return 1;
}

static int read_bytes(unsigned char bytes[AMLAPS_DIGEST_BYTES], char **text)
{
    int good = amlaps_digest_read_hex(bytes, *text) && (*text)[AMLAPS_DIGEST_HEX] == ' ';

    *text += AMLAPS_DIGEST_HEX + 1;
    return good;
}

/** @param slot SLOT bytes and a NUL. @return 1, 0 where it is torn, never written or of another format */
static int read_slot(apr_int64_t *counter, amlaps_seal_t *seal, amlaps_digest_t *digest, char *slot)
{
    unsigned char head[AMLAPS_DIGEST_BYTES], sum[AMLAPS_DIGEST_BYTES], expected[AMLAPS_DIGEST_BYTES];
    amlaps_piece_t piece = { slot, 0 };
    char *text = slot + sizeof(FORMAT) - 1;

    if (strncmp(slot, FORMAT, sizeof(FORMAT) - 1) != 0 || !read_number(counter, &text) || !read_number(&seal->first, &text)
        || !read_number(&seal->seq, &text) || !read_bytes(head, &text) || !read_bytes(seal->anchor, &text) || !read_bytes(seal->key, &text)) {
        return 0;
    }
    piece.length = (apr_size_t)(text - slot);
    amlaps_digest_sum(expected, digest, &piece, 1);
    amlaps_digest_hex(seal->head, head);
    return read_bytes(sum, &text) && memcmp(sum, expected, sizeof(sum)) == 0;
}

/** Reads both slots; the newer good one counts. */
static apr_status_t read_slots(amlaps_seal_t *seal, amlaps_seal_file_t *file, amlaps_error_t *error)
{
    int good = 0, other = 0;
    int i;

    for (i = 0; i < SLOTS; i++) {
        amlaps_seal_t one;
        apr_int64_t counter = 0;
        ssize_t got = pread(file->fd, file->slot, SLOT, (off_t)i * APART);

        if (got < 0) {
            return trouble(file->path, "cannot be read", errno, error);
        }
        file->slot[got] = '\0';
        if (read_slot(&counter, &one, file->digest, file->slot)) {
            if (!good || counter > file->counter) {
                *seal = one;
                file->counter = counter;
            }
            good = 1;
        } else if (strncmp(file->slot, FORMAT, sizeof(FORMAT) - 3) == 0 && strncmp(file->slot, FORMAT, sizeof(FORMAT) - 1) != 0) {
            other = 1;
        }
        explicit_bzero(&one, sizeof(one));
    }
    explicit_bzero(file->slot, SLOT);
    if (good && !other) {
        return APR_SUCCESS;
    }
    return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0231", other ? APR_ENOTIMPL : APR_EGENERAL,
                            other ? "the sealing state %s is of a newer mod_amlaps; install that one again"
                                  : "the sealing state %s holds no whole state; run amlaps-audit verify, then amlaps-audit recover", file->path);
}

/* ---- the file ---- */

static apr_status_t check_file(const char *path, const struct stat *info, amlaps_error_t *error)
{
    if (!S_ISREG(info->st_mode) || info->st_nlink != 1) {
        return trouble(path, "is no plain file or has a second name; put the right file back", 0, error);
    }
    if ((info->st_mode & 077) != 0) {
        return trouble(path, "is open to others; find out who did that, then chmod 0600", 0, error);
    }
    if (geteuid() != 0 && info->st_uid != geteuid()) {
        return trouble(path, "belongs to another user; stop httpd and start it: it gives it to its children", 0, error);
    }
    return APR_SUCCESS;
}

static apr_status_t open_file(amlaps_seal_file_t *file, int flags, amlaps_error_t *error)
{
    struct stat info;
    int fd = open(file->path, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    apr_status_t status;

    if (fd < 0) {
        int reason = errno;

        return trouble(file->path, reason == ENOENT ? "is not there; see whether its path is right, put it back, or run amlaps-audit verify and then amlaps-audit recover"
                                   : reason == ELOOP ? "is a symbolic link; name the file itself" : "cannot be opened", reason, error);
    }
    status = fstat(fd, &info) != 0 ? trouble(file->path, "cannot be read", errno, error) : check_file(file->path, &info, error);
    if (status != APR_SUCCESS) {
        close(fd);
        return status;
    }
    file->fd = fd;
    return APR_SUCCESS;
}

/** Another file may have taken the name since; its own state decides then. */
static apr_status_t check_name(amlaps_seal_file_t *file, amlaps_error_t *error)
{
    struct stat named, opened;

    if (file->fd < 0) {
        return open_file(file, O_RDWR, error);
    }
    if (amlaps_look_path(&named, file->path) && amlaps_look_open(&opened, file->fd) && named.st_dev == opened.st_dev && named.st_ino == opened.st_ino) {
        return check_file(file->path, &named, error);
    }
    amlaps_seal_file_close(file);
    return open_file(file, O_RDWR, error);
}

static int set_lock(const amlaps_seal_file_t *file, short type)
{
    /* Of the open file, not of the process: it works between threads, and goes with its descriptor alone. */
    struct flock lock = { .l_type = type, .l_whence = SEEK_SET };

    return fcntl(file->fd, F_OFD_SETLK, &lock) == 0 ? 0 : errno;
}

static apr_status_t wait_for_lock(amlaps_seal_file_t *file, apr_interval_time_t patience, amlaps_error_t *error)
{
    const struct timespec pause = { 0, PAUSE_NSEC };
    apr_time_t until = amlaps_clock_steady(amlaps_clock_system()) + patience;
    int reason;

    while ((reason = set_lock(file, F_WRLCK)) == EAGAIN || reason == EACCES) {
        if (amlaps_clock_steady(amlaps_clock_system()) >= until) {
            return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0235", APR_TIMEUP,
                                    "another program holds the sealing state %s locked", file->path);
        }
        nanosleep(&pause, NULL);
    }
    file->locked = reason == 0;
    return reason == 0 ? APR_SUCCESS : trouble(file->path, "cannot be locked", reason, error);
}

apr_status_t amlaps_seal_file_lock(amlaps_seal_file_t *file, apr_interval_time_t patience, amlaps_error_t *error)
{
    apr_status_t status;

    if (amlaps_shared_is_condemned(file->shared, file->path)) {
        return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0236", EIO,
                                "the disk under the sealing state %s failed to write what it had taken; check it and run amlaps-audit verify, "
                                "then stop httpd and start it", file->path);
    }
    status = check_name(file, error);
    return status == APR_SUCCESS ? wait_for_lock(file, patience, error) : status;
}

void amlaps_seal_file_unlock(amlaps_seal_file_t *file)
{
    if (file->locked) {
        set_lock(file, F_UNLCK);
    }
    file->locked = 0;
}

apr_status_t amlaps_seal_file_read(amlaps_seal_t *seal, amlaps_seal_file_t *file, amlaps_error_t *error)
{
    file->counter = 0;
    return read_slots(seal, file, error);
}

static int put_slot(amlaps_seal_file_t *file, int which, apr_int64_t counter, const amlaps_seal_t *seal)
{
    ssize_t put;
    int reason;

    write_slot(file->slot, file->digest, counter, seal);
    put = pwrite(file->fd, file->slot, SLOT, (off_t)which * APART);
    reason = put == SLOT ? 0 : put < 0 ? errno : ENOSPC;
    explicit_bzero(file->slot, SLOT);
    amlaps_digest_wipe(file->digest);
    return reason;
}

apr_status_t amlaps_seal_file_write(amlaps_seal_file_t *file, const amlaps_seal_t *seal, amlaps_error_t *error)
{
    apr_int64_t counter = file->counter + 1;
    int reason = put_slot(file, (int)(counter % SLOTS), counter, seal);

    if (reason == 0 && fdatasync(file->fd) != 0) {
        reason = errno;
        amlaps_shared_condemn(file->shared, file->path);
    }
    if (reason != 0) {
        return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0236", APR_FROM_OS_ERROR(reason),
                                "the sealing state %s cannot be written: %s", file->path, strerror(reason));
    }
    file->counter = counter;
    return APR_SUCCESS;
}

void amlaps_seal_file_settle(amlaps_seal_file_t *file, const amlaps_seal_t *seal)
{
    /* Where it fails, the slot that was synced stands, and the next write says what is wrong. */
    (void)put_slot(file, (int)((file->counter + 1) % SLOTS), file->counter, seal);
}

static const char *folder_of(const char *path, apr_pool_t *pool)
{
    return apr_pstrmemdup(pool, path, (apr_size_t)(strrchr(path, '/') - path) + 1);
}

apr_status_t amlaps_seal_file_may_make(const char *path, amlaps_error_t *error, apr_pool_t *pool)
{
    return access(folder_of(path, pool), W_OK | X_OK) == 0 ? APR_SUCCESS : trouble(path, "cannot be made in its folder", errno, error);
}

static apr_status_t fill_new(int fd, const char *path, const amlaps_seal_t *seal, uid_t uid, gid_t gid, amlaps_error_t *error, apr_pool_t *pool)
{
    amlaps_seal_file_t *file = amlaps_seal_file_make(path, NULL, pool);
    int directory, failed;

    if (file == NULL) {
        return trouble(path, "needs memory that there is not", ENOMEM, error);
    }
    file->fd = fd;
    if (put_slot(file, 0, 1, seal) != 0 || put_slot(file, 1, 1, seal) != 0 || (uid != (uid_t)-1 && fchown(fd, uid, gid) != 0)
        || fsync(fd) != 0) {
        return trouble(path, "cannot be written", errno, error);
    }
    directory = open(folder_of(path, pool), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    failed = directory < 0 || fsync(directory) != 0 ? errno : 0;
    if (directory >= 0) {
        close(directory);
    }
    amlaps_seal_file_close(file);
    return failed ? trouble(path, "cannot be written", failed, error) : APR_SUCCESS;
}

apr_status_t amlaps_seal_file_create(const char *path, const amlaps_seal_t *seal, uid_t uid, gid_t gid, amlaps_error_t *error, apr_pool_t *pool)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
    apr_status_t status;

    if (fd < 0) {
        int reason = errno;

        return trouble(path, reason == EEXIST ? "exists already; to begin anew after a loss, run amlaps-audit recover" : "cannot be made", reason,
                       error);
    }
    status = fill_new(fd, path, seal, uid, gid, error, pool);
    if (status != APR_SUCCESS) {
        unlink(path);
    }
    return status;
}

void amlaps_seal_file_remove(const char *path)
{
    unlink(path);
}

/** An empty file with a name that nothing had, so that what is renamed to it goes over nothing. @return 0 or errno */
static int reserve(const char *path)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);

    return fd >= 0 ? close(fd) : errno;
}

apr_status_t amlaps_seal_file_keep(const char **kept, const char *path, amlaps_error_t *error, apr_pool_t *pool)
{
    int reason = EEXIST;
    int i;

    for (i = 1; i < KEPT_MOST && reason == EEXIST; i++) {
        *kept = apr_psprintf(pool, "%s.kept-%d", path, i);
        reason = reserve(*kept);
    }
    /* At once: with two names, as after link and before unlink, a state is refused for ever. */
    if (reason == 0 && rename(path, *kept) != 0) {
        reason = errno;
        unlink(*kept);
    }
    *kept = reason == 0 ? *kept : NULL;
    return reason == 0 ? APR_SUCCESS : trouble(path, "cannot be kept under another name", reason, error);
}

void amlaps_seal_file_return(const char *kept, const char *path)
{
    (void)rename(kept, path);
}

apr_status_t amlaps_seal_file_peek(amlaps_seal_t *seal, const char *path, amlaps_error_t *error, apr_pool_t *pool)
{
    amlaps_seal_file_t *file = amlaps_seal_file_make(path, NULL, pool);
    apr_status_t status;

    if (file == NULL) {
        return trouble(path, "needs memory that there is not", ENOMEM, error);
    }
    status = open_file(file, O_RDONLY, error);
    if (status == APR_SUCCESS) {
        status = amlaps_seal_file_read(seal, file, error);
        amlaps_seal_file_close(file);
    }
    return status;
}
