/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TRAIL_LOOK_H
#define AMLAPS_TRAIL_LOOK_H

/*
 * What a file is that is written and synced all the time. lstat and fstat ask for its times too: Linux (since 6.13) then notes that of the next write
 * to the nanosecond, and the sync has one more block to write, which takes as long as the first.
 */

#include <sys/stat.h>

/** Fills in device, inode, mode, links, owner and size; the rest is 0. A link is not followed. @return 1, or 0 with errno */
int amlaps_look_path(struct stat *info, const char *path);

/** The same for an open file. */
int amlaps_look_open(struct stat *info, int fd);

#endif
