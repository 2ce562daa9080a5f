/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "httpd_glue.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <http_main.h>
#include <util_cfgtree.h>

#define PLACE "-c/-C directives"   /* what httpd calls it */
#define CUT 199                    /* bytes, unless a longer one came before */

/*
 * Of a directive on the command line httpd reads the first 199 bytes, and what is longer together with the next one, or not at all: a question with a
 * few ids would be answered with "Syntax OK" alone, and so would an expectation that does not hold. So both are put into the configuration as they
 * were written, in place of what httpd read. What it read well stays: it knows of sections, conditions and variables.
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

static const char *line_at(const apr_array_header_t *lines, int place)
{
    return APR_ARRAY_IDX(lines, place, const char *);
}

/** Whether one of the lines is this directive as it stands. */
static int is_given(const apr_array_header_t *lines, const ap_directive_t *node, apr_pool_t *pool)
{
    int i;

    for (i = 0; i < lines->nelts; i++) {
        const char *words, *name = read_line(&words, line_at(lines, i), pool);

        if (name && !ap_cstr_casecmp(node->directive, name) && !strcmp(node->args, ap_resolve_env(pool, words))) {
            return 1;
        }
    }
    return 0;
}

/** What httpd made of the beginning of one directive and of what came behind it. */
static int is_mixed(const ap_directive_t *node, apr_pool_t *pool)
{
    return !is_given(ap_server_pre_read_config, node, pool) && !is_given(ap_server_post_read_config, node, pool);
}

/** @param mixed 0: the words are all of it @return where the first such directive of the command line is linked, also within sections; NULL: there is none */
static ap_directive_t **find(ap_directive_t **link, const char *name, const char *words, int mixed, apr_pool_t *pool)
{
    for (; *link; link = &(*link)->next) {
        const ap_directive_t *node = *link;
        ap_directive_t **within;

        if (!ap_cstr_casecmp(node->directive, name) && !strcmp(node->filename, PLACE)
            && (mixed ? !strncmp(node->args, words, strlen(words)) && is_mixed(node, pool) : !strcmp(node->args, words))) {
            return link;
        }
        if ((within = find(&(*link)->first_child, name, words, mixed, pool)) != NULL) {
            return within;
        }
    }
    return NULL;
}

static int is_long(const apr_array_header_t *lines, int place)
{
    return place >= 0 && strlen(line_at(lines, place)) >= CUT;
}

/** Then what httpd read stays, so that it tells of a mistake and the other directive is not gone unseen. */
static int swallowed_another(const apr_array_header_t *lines, int place, apr_pool_t *pool)
{
    const char *words;

    while (is_long(lines, place) && place + 1 < lines->nelts) {
        if (!read_line(&words, line_at(lines, ++place), pool)) {
            return 1;
        }
    }
    return 0;
}

static ap_directive_t **end_of_tree(void)
{
    ap_directive_t **link = &ap_conftree;

    while (*link) {
        link = &(*link)->next;
    }
    return link;
}

/** Where httpd put what it read of a long directive's beginning; NULL: it read nothing of it. */
static ap_directive_t **find_beginning(const char *line, apr_pool_t *pool)
{
    const char *words, *name = strlen(line) >= CUT ? read_line(&words, apr_pstrndup(pool, line, CUT), pool) : NULL;

    return name ? find(&ap_conftree, name, ap_resolve_env(pool, words), 1, pool) : NULL;
}

/** Puts a directive in place of what httpd made of its beginning, if anything. @param before the one that httpd would have read before it, or NULL */
static ap_directive_t *put(ap_directive_t *before, const char *name, const char *words, const char *line, apr_pool_t *pool)
{
    ap_directive_t *node = apr_pcalloc(pool, sizeof(*node)), **link;

    node->directive = name;
    node->args = words;
    node->filename = PLACE;
    if (before) {
        node->parent = before->parent;
        node->next = before->next;
        before->next = node;
    } else if ((link = find_beginning(line, pool)) != NULL) {
        node->parent = (*link)->parent;
        node->next = (*link)->next;
        *link = node;
    } else {
        *end_of_tree() = node;
    }
    return node;
}

/** @return whether httpd did not read the directive as it stands, and it can be put right */
static int is_to_be_mended(const char **words, const apr_array_header_t *lines, int place, const char *name, apr_pool_t *pool)
{
    if (!is_long(lines, place) && !is_long(lines, place - 1)) {
        return 0;
    }
    *words = ap_resolve_env(pool, *words);
    return !find(&ap_conftree, name, *words, 0, pool) && !swallowed_another(lines, place, pool);
}

static void mend(const apr_array_header_t *lines, apr_pool_t *pool)
{
    ap_directive_t *before = NULL;
    int i;

    for (i = 0; i < lines->nelts; i++) {
        const char *words, *name = read_line(&words, line_at(lines, i), pool);

        if (name && is_to_be_mended(&words, lines, i, name, pool)) {
            before = put(before, name, words, line_at(lines, i), pool);
            before->line_num = i + 1;
        } else {
            before = NULL;
        }
    }
}

int amlaps_httpd_pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    (void)plog;
    (void)ptemp;
    mend(ap_server_pre_read_config, pconf);
    mend(ap_server_post_read_config, pconf);
    return OK;
}
