/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "tool.h"

#define LONGEST 256

/** Turns the terminal's echo off. @return 1 where it must be turned on again */
static int hide_input(struct termios *before)
{
    struct termios hidden;

    if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, before) != 0) {
        return 0;
    }
    fputs("Verification key (not shown; several with a line each; an empty line ends): ", stderr);
    hidden = *before;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    return tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden) == 0;
}

static int is_blank(const char *line)
{
    return line[0] == '\0' || line[0] == '#';
}

/** Unbuffered, so that no key stays behind in a buffer of stdio. */
static int read_lines(amlaps_keys_t *keys, FILE *file, int asked, const char **mistake)
{
    char line[LONGEST];
    int count = 0;

    setvbuf(file, NULL, _IONBF, 0);
    *mistake = NULL;
    while (*mistake == NULL && fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\r\n")] = '\0';
        if (asked && line[0] == '\0') {
            break;
        }
        if (!is_blank(line)) {
            *mistake = amlaps_keys_add(keys, line);
            count++;
        }
    }
    explicit_bzero(line, sizeof(line));
    return count;
}

int amlaps_tool_read_keys(amlaps_keys_t **keys, const char *where, apr_pool_t *pool)
{
    const char *path = strncmp(where, "file:", 5) == 0 ? where + 5 : where;
    int from_input = strcmp(where, "-") == 0;
    struct termios before;
    const char *mistake;
    int hidden, count;
    FILE *opened = NULL;

    if (strncmp(where, "amlaps-key:", 11) == 0) {
        return amlaps_tool_misuse("a key on the command line can be read by everybody in the list of processes; write --key file:PATH or --key -", "");
    }
    *keys = amlaps_keys_make(pool);
    if (*keys == NULL || (!from_input && (opened = fopen(path, "re")) == NULL)) {
        fprintf(stderr, "amlaps-audit: %s: ", path);
        perror(NULL);
        return AMLAPS_TOOL_UNREADABLE;
    }
    hidden = from_input && hide_input(&before);
    count = read_lines(*keys, opened != NULL ? opened : stdin, hidden, &mistake);
    if (hidden) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
        fputc('\n', stderr);
    }
    if (opened != NULL) {
        fclose(opened);
    }
    if (mistake != NULL || count == 0) {
        fprintf(stderr, "amlaps-audit: %s: %s\n", path, mistake != NULL ? mistake : "there is no verification key in it");
        return AMLAPS_TOOL_USAGE;
    }
    return AMLAPS_TOOL_GOOD;
}
