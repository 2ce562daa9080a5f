/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "httpd_glue.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <http_core.h>
#include <http_main.h>
#include <util_cfgtree.h>

#define EXPLAIN "AMLapsExplain"
#define PLACE "-c/-C directives"   /* what httpd calls it */

/*
 * Of a directive on the command line httpd reads the first 199 bytes, and what is longer together with the next one, or not at all: a question with a
 * few ids would be answered with "Syntax OK" alone. So each AMLapsExplain of the command line is put into the configuration as it was written.
 */

/** @return what stands behind the directive's name, without blanks at its ends; NULL where the line has another directive */
static const char *question_of(const char *line, apr_pool_t *pool)
{
    const apr_size_t length = sizeof(EXPLAIN) - 1;
    const char *end = line + strlen(line);

    while (apr_isspace(*line)) {
        line++;
    }
    if (ap_cstr_casecmpn(line, EXPLAIN, length) || (line[length] && !apr_isspace(line[length]))) {
        return NULL;
    }
    line += length;
    while (apr_isspace(*line)) {
        line++;
    }
    while (end > line && apr_isspace(end[-1])) {
        end--;
    }
    return apr_pstrmemdup(pool, line, (apr_size_t)(end - line));
}

static int is_of_command_line(const ap_directive_t *node)
{
    return !strcmp(node->filename, PLACE) && !ap_cstr_casecmp(node->directive, EXPLAIN);
}

static void remove_read(void)
{
    ap_directive_t **link = &ap_conftree;

    while (*link) {
        if (is_of_command_line(*link)) {
            *link = (*link)->next;
        } else {
            link = &(*link)->next;
        }
    }
}

static void append(const char *question, int number, apr_pool_t *pool)
{
    ap_directive_t *node = apr_pcalloc(pool, sizeof(*node)), **link = &ap_conftree;

    node->directive = EXPLAIN;
    node->args = question;
    node->filename = PLACE;
    node->line_num = number;
    while (*link) {
        link = &(*link)->next;
    }
    *link = node;
}

int amlaps_httpd_pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    int i;

    (void)plog;
    (void)ptemp;
    if (ap_state_query(AP_SQ_RUN_MODE) != AP_SQ_RM_CONFIG_TEST) {
        return OK;
    }
    remove_read();
    for (i = 0; i < ap_server_post_read_config->nelts; i++) {
        const char *question = question_of(APR_ARRAY_IDX(ap_server_post_read_config, i, const char *), pconf);

        if (question) {
            append(question, i + 1, pconf);
        }
    }
    return OK;
}
