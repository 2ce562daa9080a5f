/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * Preloaded into httpd: every fsync and fdatasync takes AMLAPS_SYNC_MS milliseconds longer, as on disks further away. With "none" they do nothing:
 * what is left is what the store costs beside the disk.
 */

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef int (*sync_t)(int);

int fsync(int fd) __attribute__((visibility("default")));
int fdatasync(int fd) __attribute__((visibility("default")));

static void linger(const char *text)
{
    struct timespec time = { .tv_nsec = (text != NULL ? atol(text) : 0) * 1000000L };

    nanosleep(&time, NULL);
}

static int sync_slowly(const char *name, int fd)
{
    union { void *object; sync_t function; } real = { dlsym(RTLD_NEXT, name) };
    const char *text = getenv("AMLAPS_SYNC_MS");

    if (text != NULL && strcmp(text, "none") == 0) {
        return 0;
    }
    linger(text);
    return real.function(fd);
}

int fsync(int fd)
{
    return sync_slowly("fsync", fd);
}

int fdatasync(int fd)
{
    return sync_slowly("fdatasync", fd);
}
