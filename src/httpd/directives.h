/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_HTTPD_DIRECTIVES_H
#define AMLAPS_HTTPD_DIRECTIVES_H

#include "httpd_glue.h"

/* Setters, by section. Each returns NULL, or the message that configtest prints behind file and line: directive, mistake, remedy. */

/** The configuration of the server that the directive stands in, marked as touched. */
amlaps_config_t *amlaps_directive_config(cmd_parms *cmd);

/** "file:line" of the directive. */
const char *amlaps_directive_origin(const cmd_parms *cmd, apr_pool_t *pool);

/** What stands behind the quote that ends what `quoted` begins, as ap_getword_conf() finds it; NULL where none does. */
const char *amlaps_directive_behind_quotes(const char *quoted);

/**
 * All words of a line, unquoted. For directives that take lists: httpd's TAKE_ARGV drops every word after the 64th without a sound, and takes
 * what is left of a line for one word where a quote never ends, and a comment for more words.
 * @return NULL, or the mistake, without any of the line, which may be a secret
 */
const char *amlaps_directive_words(apr_array_header_t **words, cmd_parms *cmd, const char *line);

/**
 * What every section of ours begins with: it stands where it may, and in no other. Gives the arguments of its opening line, words unquoted,
 * without the closing '>'.
 * @return NULL, or the mistake
 */
const char *amlaps_directive_open_section(apr_array_header_t **words, cmd_parms *cmd, const char *line);

/** Runs the directives inside a section; each must be one of `allowed` (NULL-terminated, lower case). */
const char *amlaps_directive_walk_section(cmd_parms *cmd, const char *const *allowed);

/** @return NULL where it is the short word that tenants and channels are called, else what to write instead */
const char *amlaps_directive_check_name(cmd_parms *cmd, const char *name, const char *example);

/** A whole number of seconds, perhaps with an s behind. */
const char *amlaps_directive_seconds(apr_interval_time_t *value, cmd_parms *cmd, const char *text, int least, int most);

/** The tenant that the directive stands in, or a message. */
const char *amlaps_directive_open_tenant(amlaps_tenant_config_t **tenant, cmd_parms *cmd);

const char *amlaps_directive_tenant_section(cmd_parms *cmd, void *dir, const char *line);
const char *amlaps_directive_tenant_id(cmd_parms *cmd, void *dir, const char *value);
const char *amlaps_directive_client_id(cmd_parms *cmd, void *dir, const char *value);
const char *amlaps_directive_client_secret(cmd_parms *cmd, void *dir, const char *line);
const char *amlaps_directive_client_certificate(cmd_parms *cmd, void *dir, const char *line);
const char *amlaps_directive_federated_token(cmd_parms *cmd, void *dir, const char *value);
const char *amlaps_directive_managed_identity(cmd_parms *cmd, void *dir, const char *value);

/** Reads and checks a tenant's credential, as root. @return NULL, or the mistake and the remedy, without any of the secret */
const char *amlaps_credential_load(amlaps_tenant_config_t *tenant, apr_pool_t *pool);

const char *amlaps_directive_cloud(cmd_parms *cmd, void *dir, const char *value);
const char *amlaps_directive_login_url(cmd_parms *cmd, void *dir, const char *value);
const char *amlaps_directive_graph_url(cmd_parms *cmd, void *dir, const char *value);
const char *amlaps_directive_ca_file(cmd_parms *cmd, void *dir, const char *value);

const char *amlaps_directive_rule_section(cmd_parms *cmd, void *dir, const char *line);
const char *amlaps_directive_device(cmd_parms *cmd, void *dir, const char *line);
const char *amlaps_directive_allow(cmd_parms *cmd, void *dir, const char *line);
const char *amlaps_directive_deny(cmd_parms *cmd, void *dir, const char *line);
const char *amlaps_directive_reason(cmd_parms *cmd, void *dir, const char *line);

const char *amlaps_directive_when(cmd_parms *cmd, void *dir, const char *line);
const char *amlaps_directive_reason_choice(cmd_parms *cmd, void *dir, const char *line);
const char *amlaps_directive_qr(cmd_parms *cmd, void *dir, const char *word);
const char *amlaps_directive_expires(cmd_parms *cmd, void *dir, const char *day);

const char *amlaps_directive_expect(cmd_parms *cmd, void *dir, const char *line);
const char *amlaps_directive_explain(cmd_parms *cmd, void *dir, const char *line);

const char *amlaps_directive_auditor(cmd_parms *cmd, void *dir, const char *line);
const char *amlaps_directive_operator(cmd_parms *cmd, void *dir, const char *line);

const char *amlaps_directive_channel_section(cmd_parms *cmd, void *dir, const char *line);
const char *amlaps_directive_webhook(cmd_parms *cmd, void *dir, const char *kind, const char *url);
const char *amlaps_directive_webhook_secret(cmd_parms *cmd, void *dir, const char *line);
const char *amlaps_directive_mail(cmd_parms *cmd, void *dir, const char *line);
const char *amlaps_directive_mail_login(cmd_parms *cmd, void *dir, const char *line);
const char *amlaps_directive_required(cmd_parms *cmd, void *dir, int on);
const char *amlaps_directive_template(cmd_parms *cmd, void *dir, const char *value);
const char *amlaps_directive_give_up(cmd_parms *cmd, void *dir, const char *value);
const char *amlaps_directive_notify(cmd_parms *cmd, void *dir, const char *line);

const char *amlaps_directive_store(cmd_parms *cmd, void *dir, const char *line);
const char *amlaps_directive_audit_seal(cmd_parms *cmd, void *dir, const char *value);
const char *amlaps_directive_audit_log(cmd_parms *cmd, void *dir, const char *line);
const char *amlaps_directive_limit(cmd_parms *cmd, void *dir, const char *line);

#endif
