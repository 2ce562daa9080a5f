/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "httpd_glue.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <http_main.h>
#include <util_cfgtree.h>

#define PLACE "-c/-C directives"   /* what httpd calls it */

/*
 * Of a directive on the command line httpd reads the first 199 bytes, and what is longer together with the next one, or not at all: a question with a
 * few ids would be answered with "Syntax OK" alone, and so would an expectation that does not hold. So both are put into the configuration as they
 * were written.
 */
static const char *const names[] = { "AMLapsExpect", "AMLapsExplain" };

#define NAMES (sizeof(names) / sizeof(names[0]))

static const char *skip_blanks(const char *text)
{
    while (apr_isspace(*text)) {
        text++;
    }
    return text;
}

/** @param words out: what stands behind the name, without blanks at its ends @return the name, or NULL where the line has another directive */
static const char *read_line(const char **words, const char *line, apr_pool_t *pool)
{
    const char *end = line + strlen(line);
    size_t i;

    line = skip_blanks(line);
    for (i = 0; i < NAMES; i++) {
        const apr_size_t length = strlen(names[i]);

        if (!ap_cstr_casecmpn(line, names[i], length) && (!line[length] || apr_isspace(line[length]))) {
            line = skip_blanks(line + length);
            while (end > line && apr_isspace(end[-1])) {
                end--;
            }
            *words = apr_pstrmemdup(pool, line, (apr_size_t)(end - line));
            return names[i];
        }
    }
    return NULL;
}

static int is_of_command_line(const ap_directive_t *node)
{
    size_t i = 0;

    while (i < NAMES && ap_cstr_casecmp(node->directive, names[i])) {
        i++;
    }
    return i < NAMES && !strcmp(node->filename, PLACE);
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

static void append(const char *name, const char *words, int number, apr_pool_t *pool)
{
    ap_directive_t *node = apr_pcalloc(pool, sizeof(*node)), **link = &ap_conftree;

    node->directive = name;
    node->args = words;
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
    remove_read();
    for (i = 0; i < ap_server_post_read_config->nelts; i++) {
        const char *words, *name = read_line(&words, APR_ARRAY_IDX(ap_server_post_read_config, i, const char *), pconf);

        if (name) {
            append(name, words, i + 1, pconf);
        }
    }
    return OK;
}
