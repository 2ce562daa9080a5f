/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "look.h"

#include <fcntl.h>
#include <string.h>

#include <sys/sysmacros.h>

static int look(struct stat *info, int fd, const char *path, int flags)
{
    struct statx found;

    if (statx(fd, path, flags, STATX_TYPE | STATX_MODE | STATX_NLINK | STATX_UID | STATX_INO | STATX_SIZE, &found) != 0) {
        return 0;
    }
    memset(info, 0, sizeof(*info));
    info->st_dev = makedev(found.stx_dev_major, found.stx_dev_minor);
    info->st_ino = found.stx_ino;
    info->st_mode = found.stx_mode;
    info->st_nlink = found.stx_nlink;
    info->st_uid = found.stx_uid;
    info->st_size = (off_t)found.stx_size;
    return 1;
}

int amlaps_look_path(struct stat *info, const char *path)
{
    return look(info, AT_FDCWD, path, AT_SYMLINK_NOFOLLOW);
}

int amlaps_look_open(struct stat *info, int fd)
{
    return look(info, fd, "", AT_EMPTY_PATH);
}
