/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * Preloaded into httpd: a disk that freezes, fails or is full, for files whose path holds AMLAPS_DISK_FILES. What it does stands in the file
 * AMLAPS_DISK_FAULT and changes with it: "" works, "freeze" every sync and append waits, "sync" syncs fail with EIO, "EROFS", "ENOSPC" or "EFBIG" writes
 * fail so, "short" a write takes half of what it was given and the next one fails with ENOSPC.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SEEN __attribute__((visibility("default")))

typedef union call_t {
    void *object;
    int (*sync)(int);
    ssize_t (*write)(int, const void *, size_t, off_t);
    ssize_t (*append)(int, const void *, size_t);
} call_t;

int fsync(int fd) SEEN;
int fdatasync(int fd) SEEN;
ssize_t write(int fd, const void *bytes, size_t count) SEEN;
ssize_t pwrite(int fd, const void *bytes, size_t count, off_t place) SEEN;
ssize_t pwrite64(int fd, const void *bytes, size_t count, off_t place) SEEN;

static int concerns(int fd)
{
    const char *files = getenv("AMLAPS_DISK_FILES");
    char name[64], path[4096];
    ssize_t length;

    snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    length = readlink(name, path, sizeof(path) - 1);
    path[length > 0 ? length : 0] = '\0';
    return files != NULL && strstr(path, files) != NULL;
}

static const char *fault(char text[16])
{
    const char *path = getenv("AMLAPS_DISK_FAULT");
    int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t length = fd >= 0 ? read(fd, text, 15) : 0;

    text[length > 0 ? length : 0] = '\0';
    if (fd >= 0) {
        close(fd);
    }
    return text;
}

/** Waits until it is not frozen. @return how it is then */
static const char *thaw(char text[16])
{
    const struct timespec pause = { .tv_nsec = 5000000L };

    while (strcmp(fault(text), "freeze") == 0) {
        nanosleep(&pause, NULL);
    }
    return text;
}

static int do_sync(const char *name, int fd)
{
    const call_t real = { dlsym(RTLD_NEXT, name) };
    char text[16];

    if (concerns(fd) && strcmp(thaw(text), "sync") == 0) {
        errno = EIO;
        return -1;
    }
    return real.sync(fd);
}

static ssize_t do_write(const char *name, int fd, const void *bytes, size_t count, off_t place)
{
    static __thread int shortened;
    const call_t real = { dlsym(RTLD_NEXT, name) };
    char text[16];

    if (concerns(fd) && *fault(text) != '\0') {
        errno = strcmp(text, "EROFS") == 0 ? EROFS : strcmp(text, "EFBIG") == 0 ? EFBIG : ENOSPC;
        if (strcmp(text, "short") == 0 && !shortened && count > 1) {
            shortened = 1;
            return real.write(fd, bytes, count / 2, place);
        }
        shortened = 0;
        if (strcmp(text, "freeze") != 0 && strcmp(text, "sync") != 0) {
            return -1;
        }
    }
    return real.write(fd, bytes, count, place);
}

int fsync(int fd)
{
    return do_sync("fsync", fd);
}

int fdatasync(int fd)
{
    return do_sync("fdatasync", fd);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t place)
{
    return do_write("pwrite", fd, bytes, count, place);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off_t place)
{
    return do_write("pwrite64", fd, bytes, count, place);
}

ssize_t write(int fd, const void *bytes, size_t count)
{
    const call_t real = { dlsym(RTLD_NEXT, "write") };
    char text[16];

    if (concerns(fd)) {
        thaw(text);
    }
    return real.append(fd, bytes, count);
}
