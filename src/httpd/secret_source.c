/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "secret_source.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <stdlib.h>
#include <unistd.h>

#include "directives.h"

#define MOST 8192

static const char *check_program(const char **source, cmd_parms *cmd, const char *command)
{
    const char *rest = command, *path = ap_getword_conf(cmd->temp_pool, &rest), *full = ap_server_root_relative(cmd->pool, path);

    if (!full || access(full, X_OK) != 0) {
        return apr_psprintf(cmd->pool, "%s: '%s' can't be run; write exec: and the path of a program that prints the secret",
                            cmd->cmd->name, path);
    }
    *source = apr_pstrcat(cmd->pool, "exec:", full, *rest ? " " : "", rest, NULL);
    return NULL;
}

const char *amlaps_secret_source_read(const char **source, cmd_parms *cmd, const char *line)
{
    apr_array_header_t *words;
    const char *mistake = amlaps_directive_words(&words, cmd, line);
    const char *first = words->nelts ? APR_ARRAY_IDX(words, 0, const char *) : "";

    if (mistake) {
        return mistake;
    }
    if (!strncmp(first, "exec:", 5) && first[5]) {
        int i;
        const char *command = first + 5;

        for (i = 1; i < words->nelts; i++) {
            command = apr_pstrcat(cmd->temp_pool, command, " ", APR_ARRAY_IDX(words, i, const char *), NULL);
        }
        return check_program(source, cmd, command);
    }
    if (words->nelts > 1) {
        return apr_psprintf(cmd->pool, "%s takes one argument: file:PATH, env:NAME or exec:PATH [ARG...]", cmd->cmd->name);
    }
    if (!strncmp(first, "file:", 5) && first[5]) {
        *source = apr_pstrcat(cmd->pool, "file:", ap_server_root_relative(cmd->pool, first + 5), NULL);
        return NULL;
    }
    if (!strncmp(first, "env:", 4) && first[4]) {
        *source = apr_pstrdup(cmd->pool, first);
        return NULL;
    }
    return apr_psprintf(cmd->pool, "%s: a secret inside the configuration would show in backups and mod_info; write file:PATH (a file "
                        "that only root may read), env:NAME or exec:PATH", cmd->cmd->name);
}

static const char *load_program(amlaps_secret_t *secret, const char *command, apr_pool_t *pool)
{
    int i, failed;
    const char *rest = command;
    const char **argv = apr_pcalloc(pool, (strlen(command) / 2 + 2) * sizeof(*argv));
    apr_procattr_t *attributes;
    apr_proc_t process;
    apr_exit_why_e why;
    int code = 0;

    for (i = 0; *rest; i++) {
        argv[i] = ap_getword_white(pool, &rest);
    }
    if (apr_procattr_create(&attributes, pool) != APR_SUCCESS ||
        apr_procattr_io_set(attributes, APR_NO_PIPE, APR_FULL_BLOCK, APR_NO_PIPE) != APR_SUCCESS ||
        apr_procattr_cmdtype_set(attributes, APR_PROGRAM_ENV) != APR_SUCCESS ||
        apr_proc_create(&process, argv[0], argv, NULL, attributes, pool) != APR_SUCCESS) {
        return apr_psprintf(pool, "program '%s' could not be started", argv[0]);
    }
    for (;;) {
        apr_size_t length = MOST - 1 - secret->length;

        if (!length || apr_file_read(process.out, secret->bytes + secret->length, &length) != APR_SUCCESS) {
            break;
        }
        secret->length += length;
    }
    apr_file_close(process.out);
    failed = apr_proc_wait(&process, &code, &why, APR_WAIT) != APR_CHILD_DONE || why != APR_PROC_EXIT || code != 0;
    return failed ? apr_psprintf(pool, "program '%s' failed (exit %d); it must print the secret and exit 0", argv[0], code) : NULL;
}

static const char *load_variable(amlaps_secret_t *secret, const char *name, apr_pool_t *pool)
{
    const char *value = getenv(name);

    if (!value) {
        return apr_psprintf(pool, "there is no environment variable %s; set it where httpd is started", name);
    }
    return amlaps_secret_append(secret, value, strlen(value)) == APR_SUCCESS ? NULL : "out of memory";
}

const char *amlaps_secret_source_load(amlaps_secret_t **secret, const char *source, apr_pool_t *pool)
{
    amlaps_secret_t *read = amlaps_secret_make(MOST, pool);
    const char *mistake;
    apr_size_t i;

    if (!read) {
        return "out of memory";
    }
    if (!strncmp(source, "file:", 5)) {
        mistake = amlaps_secret_read_file(read, source + 5, AMLAPS_FILE_SECRET, pool);
    } else if (!strncmp(source, "env:", 4)) {
        mistake = load_variable(read, source + 4, pool);
    } else {
        mistake = load_program(read, source + 5, pool);
    }
    if (mistake) {
        amlaps_secret_wipe(read);
        return mistake;
    }
    while (read->length && (read->bytes[read->length - 1] == '\n' || read->bytes[read->length - 1] == '\r')) {
        read->length--;
    }
    read->bytes[read->length] = '\0';
    if (!read->length) {
        return apr_psprintf(pool, "%s is empty; put the client secret's value into it", source);
    }
    for (i = 0; i < read->length; i++) {
        if ((unsigned char)read->bytes[i] <= ' ' || read->bytes[i] == 0x7f) {
            amlaps_secret_wipe(read);
            return apr_psprintf(pool, "%s holds white space or control characters within the secret; put the client secret's value alone "
                                "into it", source);
        }
    }
    *secret = read;
    return NULL;
}
