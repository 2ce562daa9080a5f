/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "audit_programs.h"
#include "directives.h"
#include "lifecycle.h"

#include <apr_strings.h>
#include <http_log.h>
#include <http_main.h>

APLOG_USE_MODULE(amlaps);

#define SOCKET "/dev/log"
#define MODE   (APR_FPROT_UREAD | APR_FPROT_UWRITE | APR_FPROT_GREAD)

/* ---- the directive ---- */

static const char *folder_of(const char *path, apr_pool_t *pool)
{
    const char *slash = ap_strrchr_c(path, '/');

    return slash > path ? apr_pstrmemdup(pool, path, (apr_size_t)(slash - path)) : "/";
}

/* Whatever links lead to its folder; the file itself may be none, and may not be there yet. */
static int is_same_path(const char *a, const char *b, apr_pool_t *ptemp)
{
    apr_finfo_t info_a, info_b;

    if (!strcmp(a, b)) {
        return 1;
    }
    return *a == '/' && *b == '/' && !strcmp(ap_strrchr_c(a, '/'), ap_strrchr_c(b, '/')) &&
           apr_stat(&info_a, folder_of(a, ptemp), APR_FINFO_IDENT, ptemp) == APR_SUCCESS &&
           apr_stat(&info_b, folder_of(b, ptemp), APR_FINFO_IDENT, ptemp) == APR_SUCCESS && info_a.device == info_b.device &&
           info_a.inode == info_b.inode;
}

static int is_same_file(const amlaps_audit_log_t *a, const amlaps_audit_log_t *b, apr_pool_t *ptemp)
{
    return a->sink.kind == AMLAPS_SINK_FILE && b->sink.kind == AMLAPS_SINK_FILE && is_same_path(a->sink.name, b->sink.name, ptemp);
}

static const char *file_mistake(const amlaps_audit_log_t *log, apr_pool_t *pool)
{
    const char *path = log->sink.name, *folder = folder_of(path, pool);
    apr_finfo_t info;

    if (apr_stat(&info, folder, APR_FINFO_TYPE, pool) != APR_SUCCESS || info.filetype != APR_DIR) {
        return apr_psprintf(pool, "there is no folder '%s'; make it, or write another path", folder);
    }
    if (apr_stat(&info, path, APR_FINFO_TYPE | APR_FINFO_PROT | APR_FINFO_LINK, pool) != APR_SUCCESS) {
        return NULL;
    }
    if (info.filetype == APR_DIR) {
        return apr_psprintf(pool, "'%s' is a folder; write the path of a file in it", path);
    }
    if (info.filetype == APR_LNK) {
        return apr_psprintf(pool, "'%s' is a symbolic link; write the path of the file itself", path);
    }
    if (info.filetype == APR_REG && (info.protection & APR_FPROT_WWRITE)) {
        return apr_psprintf(pool, "everybody may write to '%s'; find out who did that, then chmod 0640", path);
    }
    return NULL;
}

/* What was right when httpd was started, and is not at a reload, is told when it is opened: a mistake here would end the parent. */
static const char *read_file(amlaps_audit_log_t *log, cmd_parms *cmd, const char *word)
{
    log->sink.name = ap_server_root_relative(cmd->pool, word);
    if (!log->sink.name) {
        return apr_psprintf(cmd->pool, "'%s' is no path", word);
    }
    return amlaps_lifecycle_is_reload() ? NULL : file_mistake(log, cmd->pool);
}

/* "|PROGRAM" and "||PROGRAM" start it directly, "|$COMMAND" through a shell, as in CustomLog. */
static const char *program_mistake(const amlaps_audit_log_t *log, apr_pool_t *pool)
{
    const char *command = log->program, *rest, *path;
    apr_finfo_t info;

    if (*command == '$') {
        return command[1] ? NULL : "write a command after |$";
    }
    command += *command == '|';
    rest = command;
    path = ap_getword_conf(pool, &rest);
    if (*path != '/' || apr_stat(&info, path, APR_FINFO_TYPE | APR_FINFO_PROT, pool) != APR_SUCCESS || info.filetype != APR_REG ||
        !(info.protection & (APR_FPROT_UEXECUTE | APR_FPROT_GEXECUTE | APR_FPROT_WEXECUTE))) {
        return apr_psprintf(pool, "'%s' is no program; write its full path after the |, such as \"|/usr/bin/logger -t amlaps\"", path);
    }
    return NULL;
}

static const char *read_program(amlaps_audit_log_t *log, cmd_parms *cmd, const char *word)
{
    log->sink.kind = AMLAPS_SINK_PIPE;
    log->sink.name = word;
    log->program = word + 1;
    return amlaps_lifecycle_is_reload() ? NULL : program_mistake(log, cmd->pool);
}

/* syslog[:FACILITY[:SOCKET]] */
static const char *read_syslog(amlaps_audit_log_t *log, cmd_parms *cmd, const char *word)
{
    char *facility = apr_pstrdup(cmd->pool, word[6] ? word + 7 : "authpriv");
    char *socket = strchr(facility, ':');

    log->sink.kind = AMLAPS_SINK_SYSLOG;
    log->sink.name = apr_pstrcat(cmd->pool, "syslog", word + 6, NULL);
    if (socket) {
        *socket++ = '\0';
        if (*socket != '/' || strlen(socket) > 100) {
            return apr_psprintf(cmd->pool, "'%s' is no socket; write its full path, of at most 100 characters, or leave it out for " SOCKET, socket);
        }
    }
    log->sink.socket = socket ? socket : SOCKET;
    return amlaps_trail_syslog_priority(&log->sink.priority, facility, cmd->pool);
}

const char *amlaps_directive_audit_log(cmd_parms *cmd, void *dir, const char *line)
{
    amlaps_config_t *config = amlaps_directive_config(cmd);
    apr_array_header_t *words;
    const char *mistake = amlaps_directive_words(&words, cmd, line);
    const char *const *word = (const char *const *)words->elts;
    amlaps_audit_log_t *log;
    int i;

    (void)dir;
    if (mistake) {
        return mistake;
    }
    /* Somebody who writes `required` alone has left out where to, and means no file of that name. */
    if (words->nelts < 1 || words->nelts > 2 || !*word[0] || !ap_cstr_casecmp(word[0], "required") ||
        (words->nelts == 2 && ap_cstr_casecmp(word[1], "required"))) {
        return "AMLapsAuditLog takes the path of a file, \"|PROGRAM\" in quotes, or syslog[:FACILITY], then optionally the word required";
    }
    log = apr_pcalloc(cmd->pool, sizeof(*log));
    log->origin = amlaps_directive_origin(cmd, cmd->pool);
    log->sink.required = words->nelts == 2;
    log->sink.fd = -1;
    mistake = *word[0] == '|'                                                         ? read_program(log, cmd, word[0])
              : !ap_cstr_casecmp(word[0], "syslog") || !ap_cstr_casecmpn(word[0], "syslog:", 7) ? read_syslog(log, cmd, word[0])
                                                                                      : read_file(log, cmd, word[0]);
    if (mistake) {
        return apr_pstrcat(cmd->pool, "AMLapsAuditLog: ", mistake, NULL);
    }
    for (i = 0; i < config->audit_logs->nelts; i++) {
        const amlaps_audit_log_t *other = APR_ARRAY_IDX(config->audit_logs, i, amlaps_audit_log_t *);

        if (!strcmp(other->sink.name, log->sink.name) || is_same_file(other, log, cmd->temp_pool)) {
            return apr_psprintf(cmd->pool, "AMLapsAuditLog: '%s' stands at %s already; keep one", log->sink.name, other->origin);
        }
    }
    APR_ARRAY_PUSH(config->audit_logs, amlaps_audit_log_t *) = log;
    return NULL;
}

/* ---- all of them, when the whole configuration is known ---- */

/* SQLite writes into the files beside the database as well, and removes them: a copy there would be gone with the next stop. */
static const char *check_store(const amlaps_config_t *config, const amlaps_config_t *theirs, apr_pool_t *ptemp)
{
    static const char *const beside[] = { "", "-wal", "-shm", "-journal" };
    const char *store = ap_strchr_c(amlaps_config_store(theirs), ':') + 1, *owner;
    size_t j;
    int i;

    for (i = 0; i < config->audit_logs->nelts; i++) {
        const amlaps_audit_log_t *log = APR_ARRAY_IDX(config->audit_logs, i, amlaps_audit_log_t *);

        owner = theirs->audit_seal && is_same_path(theirs->audit_seal, log->sink.name, ptemp) ? "sealing state's" : NULL;
        for (j = 0; j < sizeof(beside) / sizeof(beside[0]) && !owner; j++) {
            owner = is_same_path(apr_pstrcat(ptemp, store, beside[j], NULL), log->sink.name, ptemp) ? "store's" : NULL;
        }
        if (owner && log->sink.kind == AMLAPS_SINK_FILE) {
            return apr_psprintf(ptemp, "%s: AMLapsAuditLog %s is the %s own file; write another path", log->origin, log->sink.name, owner);
        }
    }
    return NULL;
}

/* A virtual host's copies stand behind those that it inherits. */
static const char *check_within(const amlaps_config_t *config, int index, apr_pool_t *ptemp)
{
    const amlaps_audit_log_t *log = APR_ARRAY_IDX(config->audit_logs, index, amlaps_audit_log_t *);
    int i;

    for (i = 0; i < index; i++) {
        const amlaps_audit_log_t *other = APR_ARRAY_IDX(config->audit_logs, i, amlaps_audit_log_t *);

        if (!strcmp(other->sink.name, log->sink.name) || is_same_file(other, log, ptemp)) {
            return apr_psprintf(ptemp, "%s: AMLapsAuditLog %s stands in the main server too, at %s; a virtual host inherits it, so remove this one",
                                log->origin, log->sink.name, other->origin);
        }
    }
    return NULL;
}

static const char *store_of(const amlaps_config_t *config, apr_pool_t *ptemp)
{
    const char *store = amlaps_config_store(config);

    return config->store_origin ? apr_psprintf(ptemp, "%s (at %s)", store, config->store_origin) : store;
}

/* Two stores are two chains, and a file with both is none that could be verified. */
static const char *check_against(const amlaps_config_t *config, const amlaps_config_t *theirs, apr_pool_t *ptemp)
{
    int i, j;

    for (i = 0; i < config->audit_logs->nelts; i++) {
        const amlaps_audit_log_t *log = APR_ARRAY_IDX(config->audit_logs, i, amlaps_audit_log_t *);

        for (j = 0; j < theirs->audit_logs->nelts; j++) {
            const amlaps_audit_log_t *other = APR_ARRAY_IDX(theirs->audit_logs, j, amlaps_audit_log_t *);

            if (is_same_file(log, other, ptemp)) {
                return apr_psprintf(ptemp, "%s: AMLapsAuditLog %s gets the records of the store %s, and by %s of another server those of %s: no file can "
                                    "hold two chains; give each store a copy of its own, inside its virtual host, or both servers one AMLapsStore",
                                    log->origin, log->sink.name, store_of(config, ptemp), log == other ? "the same line" : other->origin,
                                    store_of(theirs, ptemp));
            }
        }
    }
    return NULL;
}

const char *amlaps_audit_logs_check(const server_rec *server, apr_pool_t *ptemp)
{
    const amlaps_config_t *config = amlaps_config_of(server);
    const char *mistake = NULL;
    const server_rec *other;
    int i;

    for (i = 0; i < config->audit_logs->nelts && !mistake; i++) {
        mistake = check_within(config, i, ptemp);
    }
    for (other = ap_server_conf; other && !mistake; other = other->next) {
        mistake = other == server || amlaps_config_active(amlaps_config_of(other)) ? check_store(config, amlaps_config_of(other), ptemp) : NULL;
    }
    for (other = ap_server_conf; other && other != server && !mistake; other = other->next) {
        const amlaps_config_t *theirs = amlaps_config_of(other);

        if (amlaps_config_active(theirs) && strcmp(amlaps_config_store(config), amlaps_config_store(theirs))) {
            mistake = check_against(config, theirs, ptemp);
        }
    }
    return mistake;
}

/* ---- opening ---- */

static int fail(server_rec *server, const amlaps_audit_log_t *log, apr_status_t status, const char *remedy)
{
    const int reload = amlaps_lifecycle_is_reload();

    ap_log_error(APLOG_MARK, APLOG_EMERG, status, server, "AML0110: %s: AMLapsAuditLog %s can't be opened for writing; %s%s", log->origin,
                 log->sink.name, remedy, reload ? "; httpd goes on without it" : "");
    return reload ? OK : HTTP_INTERNAL_SERVER_ERROR;
}

static int open_file(server_rec *server, amlaps_audit_log_t *log, apr_pool_t *pconf, apr_pool_t *ptemp)
{
    const char *mistake = file_mistake(log, ptemp);
    apr_os_file_t descriptor;
    apr_file_t *file;
    apr_status_t status;

    if (mistake) {
        return fail(server, log, 0, mistake);
    }
    /* Forked children have it as it is; programs that they run don't get it. On a frozen file system only an open that may make a file waits. */
    status = apr_file_open(&file, log->sink.name, APR_FOPEN_WRITE | APR_FOPEN_APPEND, MODE, pconf);
    if (APR_STATUS_IS_ENOENT(status)) {
        status = apr_file_open(&file, log->sink.name, APR_FOPEN_WRITE | APR_FOPEN_APPEND | APR_FOPEN_CREATE, MODE, pconf);
    }
    if (status != APR_SUCCESS) {
        return fail(server, log, status, "mend its owner or mode, or write another path");
    }
    apr_os_file_get(&descriptor, file);
    log->sink.fd = descriptor;
    amlaps_trail_sink_opened(&log->sink, pconf);
    return OK;
}

/* @return what the program's records are of: one that servers inherit gets those of all of them, whichever is the first to open it */
static const char *source_of(const server_rec *server, const amlaps_audit_log_t *log)
{
    const apr_array_header_t *inherited = amlaps_config_of(ap_server_conf)->audit_logs;
    int i;

    for (i = 0; i < inherited->nelts; i++) {
        if (APR_ARRAY_IDX(inherited, i, amlaps_audit_log_t *) == log) {
            return "";
        }
    }
    return amlaps_config_store(amlaps_config_of(server));
}

static int open_program(server_rec *server, amlaps_audit_log_t *log, apr_pool_t *ptemp)
{
    const char *mistake = program_mistake(log, ptemp);

    mistake = mistake ? mistake : amlaps_audit_programs_open(&log->sink.fd, log->program, source_of(server, log), server->process->pool, ptemp);

    return mistake ? fail(server, log, 0, mistake) : OK;
}

int amlaps_audit_logs_open(server_rec *server, apr_pool_t *pconf, apr_pool_t *ptemp)
{
    const apr_array_header_t *logs = amlaps_config_of(server)->audit_logs;
    int i, status = OK;

    for (i = 0; i < logs->nelts && status == OK; i++) {
        amlaps_audit_log_t *log = APR_ARRAY_IDX(logs, i, amlaps_audit_log_t *);

        if (!log->open && log->sink.kind == AMLAPS_SINK_PIPE) {
            status = open_program(server, log, ptemp);
        } else if (!log->open && log->sink.kind == AMLAPS_SINK_FILE) {
            status = open_file(server, log, pconf, ptemp);
        }
        log->open = 1;
    }
    return status;
}
