/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TEST_TRAIL_DISK_H
#define AMLAPS_TEST_TRAIL_DISK_H

/* A disk whose syncs fail, never end, or see a file go away: SQLite's default file system with another xSync. For the store of this process only. */

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

enum { DISK_GOOD, DISK_FAILS, DISK_FROZEN, DISK_LOSES };

#define DISK_TABLES 8

static atomic_int disk;
static const char *disk_loses; /* the file that somebody takes away during the next sync */
static pthread_mutex_t disk_mutex = PTHREAD_MUTEX_INITIALIZER;
static const sqlite3_io_methods *disk_real[DISK_TABLES]; /* SQLite has several, by how it locks */
static sqlite3_io_methods disk_methods[DISK_TABLES];
static int (*disk_real_sync)(sqlite3_file *, int);
static int (*disk_real_open)(sqlite3_vfs *, const char *, sqlite3_file *, int, int *);

static int disk_sync(sqlite3_file *file, int flags)
{
    while (atomic_load(&disk) == DISK_FROZEN) {
        poll(NULL, 0, 5);
    }
    if (atomic_load(&disk) == DISK_LOSES) {
        unlink(disk_loses);
        atomic_store(&disk, DISK_GOOD);
    }
    return atomic_load(&disk) == DISK_FAILS ? SQLITE_IOERR_FSYNC : disk_real_sync(file, flags);
}

static int disk_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out)
{
    int code = disk_real_open(vfs, name, file, flags, out);
    int i = 0;

    if (code != SQLITE_OK) {
        return code;
    }
    pthread_mutex_lock(&disk_mutex);
    while (disk_real[i] != NULL && disk_real[i] != file->pMethods) {
        i++;
    }
    if (disk_real[i] == NULL) {
        disk_real[i] = file->pMethods;
        disk_methods[i] = *file->pMethods;
        disk_real_sync = file->pMethods->xSync;
        disk_methods[i].xSync = disk_sync;
    }
    file->pMethods = &disk_methods[i];
    pthread_mutex_unlock(&disk_mutex);
    return code;
}

/** Call once, before the first connection. */
static inline void disk_install(void)
{
    static sqlite3_vfs vfs;

    sqlite3_initialize();
    vfs = *sqlite3_vfs_find(NULL);
    disk_real_open = vfs.xOpen;
    vfs.xOpen = disk_open;
    vfs.zName = "disk";
    sqlite3_vfs_register(&vfs, 1);
}

#endif
