/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TEST_TRAIL_TOOL_H
#define AMLAPS_TEST_TRAIL_TOOL_H

/* amlaps-audit as an auditor runs it: the one of the same build, or the one that AMLAPS_AUDIT names. */

#include "trail_world.h"

#include <fcntl.h>

typedef struct output_t {
    int code;
    char out[65536];
    char err[4096];
} output_t;

static inline void read_all(char *text, size_t room, const char *path)
{
    int fd = open(path, O_RDONLY);
    ssize_t length = read(fd, text, room - 1);

    assert_true(length >= 0);
    text[length] = '\0';
    close(fd);
}

/** This program is BUILD/tests/test_trail_audit, the other one BUILD/amlaps-audit. */
static inline const char *audit_program(const world_t *world)
{
    const char *named = getenv("AMLAPS_AUDIT");
    char self[4096] = "";
    int i;

    if (named != NULL) {
        return named;
    }
    assert_in_range(readlink("/proc/self/exe", self, sizeof(self) - 1), 1, sizeof(self) - 1);
    for (i = 0; i < 2 && strrchr(self, '/') != NULL; i++) {
        *strrchr(self, '/') = '\0';
    }
    return apr_pstrcat(world->pool, self, "/amlaps-audit", NULL);
}

#define NOBODY "|"

static inline int open_output(const char *to)
{
    int ends[2];

    if (strcmp(to, NOBODY) != 0) {
        return open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    }
    return pipe(ends) == 0 && close(ends[0]) == 0 ? ends[1] : -1;
}

/** @param to a file, NOBODY: a pipe whose reader is gone, NULL: output->out */
static inline void audit(output_t *output, const world_t *world, const char *to, const char *const *arguments)
{
    const char *program = audit_program(world);
    const char *out = to != NULL ? to : apr_pstrcat(world->pool, world->directory, "/out", NULL);
    const char *err = apr_pstrcat(world->pool, world->directory, "/err", NULL);
    pid_t child = fork();
    int status;

    if (child == 0) {
        dup2(open_output(out), 1);
        dup2(open(err, O_WRONLY | O_CREAT | O_TRUNC, 0600), 2);
        execv(program, (char *const *)(uintptr_t)arguments);
        _exit(127);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    output->code = WEXITSTATUS(status);
    if (output->code == 127) {
        fail_msg("%s is not to be run", program);
    }
    read_all(output->err, sizeof(output->err), err);
    output->out[0] = '\0';
    if (to == NULL) {
        read_all(output->out, sizeof(output->out), out);
    }
}

#define AUDIT(output, world, to, ...) audit(output, world, to, (const char *const[]){ "amlaps-audit", __VA_ARGS__ })

static inline void write_some(world_t *world, const char *reason)
{
    amlaps_record_t record = world_record(AMLAPS_EVENT_PASSWORD, AMLAPS_STAGE_INTENT, "alice");
    amlaps_error_t error = { 0 };

    record.reason = reason;
    world_open(world);
    assert_int_equal(amlaps_trail_admit(&error, world->trail, &record, world->pool), APR_SUCCESS);
    assert_int_equal(world_conclude(world, "alice"), AMLAPS_OK);
    assert_int_equal(world_conclude(world, "alice"), AMLAPS_OK);
    world_close(world);
}

#endif
