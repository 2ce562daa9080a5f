/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "audit_programs.h"

#include <fcntl.h>
#include <string.h>

#include <apr_strings.h>
#include <http_config.h>
#include <http_log.h>
#include <unixd.h>

/*
 * httpd ends the programs of a configuration with it, by a signal: what a pipe holds then is lost, and children that still answer write to nobody. So
 * these belong to the process, and each goes on for as long as a configuration names it. All of it is httpd's and APR's own: after a reload this
 * module may lie elsewhere in memory.
 */

typedef struct program_t {
    struct program_t *next;
    apr_pool_t *pool;
    const char *command, *source;
    int descriptor;
    int used; /* by the configuration that is being read */
} program_t;

/* Another build that is loaded by a reload may see other things in the list, and makes its own. */
static program_t **kept_list(apr_pool_t *ptemp)
{
    const char *key = apr_psprintf(ptemp, "mod_amlaps: programs of %" APR_SIZE_T_FMT " bytes", sizeof(program_t));
    program_t **list = ap_retained_data_get(key);

    return list ? list : ap_retained_data_create(key, sizeof(*list));
}

void amlaps_audit_programs_mark(apr_pool_t *ptemp)
{
    program_t *program;

    for (program = *kept_list(ptemp); program; program = program->next) {
        program->used = 0;
    }
    /* At any restart but a graceful one httpd ends them, and does not start them again. */
    if (!ap_unixd_mpm_get_retained_data()->was_graceful) {
        amlaps_audit_programs_sweep(ptemp);
    }
}

void amlaps_audit_programs_sweep(apr_pool_t *ptemp)
{
    program_t **place = kept_list(ptemp);

    while (*place) {
        program_t *program = *place;

        if (program->used) {
            place = &program->next;
            continue;
        }
        *place = program->next;
        apr_pool_destroy(program->pool);
    }
}

static program_t *start(const char *command, const char *source, const char **mistake, apr_pool_t *parent)
{
    apr_pool_t *pool;
    program_t *program;
    piped_log *piped;
    apr_os_file_t descriptor;
    int flags;

    apr_pool_create(&pool, parent);
    apr_pool_tag(pool, "amlaps_audit_program");
    program = apr_pcalloc(pool, sizeof(*program));
    program->pool = pool;
    program->command = apr_pstrdup(pool, command);
    program->source = apr_pstrdup(pool, source);
    if (!(piped = ap_open_piped_log(pool, program->command))) {
        apr_pool_destroy(pool);
        *mistake = "the program does not start";
        return NULL;
    }
    apr_os_file_get(&descriptor, ap_piped_log_write_fd(piped));
    flags = fcntl(descriptor, F_GETFL);
    if (flags < 0 || fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) != 0) {
        apr_pool_destroy(pool);
        *mistake = "its pipe does not let itself be set up";
        return NULL;
    }
    program->descriptor = descriptor;
    return program;
}

static int is_for(const program_t *program, const char *command, const char *source)
{
    return !program->used && !strcmp(program->command, command) && !strcmp(program->source, source);
}

const char *amlaps_audit_programs_open(int *descriptor, const char *command, const char *source, apr_pool_t *process, apr_pool_t *ptemp)
{
    program_t **place = kept_list(ptemp);
    const char *mistake = NULL;

    /* Two servers may name the same command, and have one each, which keeps its own chain. */
    while (*place && !is_for(*place, command, source)) {
        place = &(*place)->next;
    }
    if (!*place && !(*place = start(command, source, &mistake, process))) {
        return mistake;
    }
    (*place)->used = 1;
    *descriptor = (*place)->descriptor;
    return NULL;
}
