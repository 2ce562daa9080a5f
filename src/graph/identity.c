/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "identity.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "amlaps/text.h"

#define VM_HOST "http://169.254.169.254"
#define VM_PATH "/metadata/identity/oauth2/token"
#define ARC_ENDPOINT "http://127.0.0.1:40342" VM_PATH
#define ARC_PROGRAM "/opt/azcmagent/bin/himds"
#define KEY_MOST 4096
#define ANSWER_MOST ((apr_size_t)64 << 10)

/* ---- finding out where: names and order as in Microsoft's libraries for managed identity ---- */

static const char *set_in(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

static int is_url(const char *text)
{
    if (strncasecmp(text, "http://", 7) != 0 && strncasecmp(text, "https://", 8) != 0) {
        return 0;
    }
    for (; *text; text++) {
        if ((unsigned char)*text <= ' ' || (unsigned char)*text >= 0x7F || strchr("?#\"\\", *text)) {
            return 0;
        }
    }
    return 1;
}

/* Arc's service gets the content of a file that root keeps from others, so it must be on this machine. */
static int is_here(const char *url)
{
    static const char *const hosts[] = {"http://localhost", "http://127.0.0.1", NULL};

    for (int i = 0; hosts[i]; i++) {
        const apr_size_t length = strlen(hosts[i]);
        if (strncasecmp(url, hosts[i], length) == 0 && (url[length] == ':' || url[length] == '/')
            && !memchr(url + length, '@', strlen(url + length))) {
            return 1;
        }
    }
    return 0;
}

static const char *take_app_service(amlaps_identity_t *identity, const char *endpoint, const char *value, apr_pool_t *pool)
{
    static const char name[] = "X-IDENTITY-HEADER: ";
    amlaps_secret_t *header = amlaps_secret_make(sizeof name + strlen(value), pool);

    if (strcspn(value, "\r\n") != strlen(value)) {
        return "IDENTITY_HEADER of the environment holds a line's end";
    }
    if (!header || amlaps_secret_append(header, name, sizeof name - 1) != APR_SUCCESS
        || amlaps_secret_append(header, value, strlen(value)) != APR_SUCCESS) {
        return "out of memory";
    }
    identity->host = AMLAPS_IDENTITY_APP_SERVICE;
    identity->endpoint = apr_pstrdup(pool, endpoint);
    identity->header = header;
    return NULL;
}

static const char *take_arc(amlaps_identity_t *identity, const char *endpoint, apr_pool_t *pool)
{
    if (identity->client_id) {
        return "an Arc server has a system-assigned identity alone; write AMLapsManagedIdentity system";
    }
    if (!is_here(endpoint)) {
        return "IDENTITY_ENDPOINT of the environment is not on this machine, where Arc's always is";
    }
    identity->host = AMLAPS_IDENTITY_ARC;
    identity->endpoint = apr_pstrdup(pool, endpoint);
    return NULL;
}

static const char *find(amlaps_identity_t *identity, apr_pool_t *pool)
{
    const char *endpoint = set_in("IDENTITY_ENDPOINT"), *header = set_in("IDENTITY_HEADER");
    const char *host = set_in("AZURE_POD_IDENTITY_AUTHORITY_HOST");

    if ((endpoint && header && set_in("IDENTITY_SERVER_THUMBPRINT")) || (!endpoint && set_in("MSI_ENDPOINT") && set_in("MSI_SECRET"))) {
        return "the managed identities of Service Fabric and Azure Machine Learning are not supported; use another credential";
    }
    if ((endpoint && !is_url(endpoint)) || (host && !is_url(host))) {
        return "IDENTITY_ENDPOINT or AZURE_POD_IDENTITY_AUTHORITY_HOST of the environment is no URL";
    }
    if (endpoint && header) {
        return take_app_service(identity, endpoint, header, pool);
    }
    if (endpoint && set_in("IMDS_ENDPOINT")) {
        return take_arc(identity, endpoint, pool);
    }
    if (access(ARC_PROGRAM, F_OK) == 0) {
        return take_arc(identity, ARC_ENDPOINT, pool);
    }
    host = host ? apr_pstrdup(pool, host) : VM_HOST;
    apr_size_t length = strlen(host);
    while (length > 0 && host[length - 1] == '/') {
        length--;
    }
    identity->host = AMLAPS_IDENTITY_VM;
    identity->endpoint = apr_pstrcat(pool, apr_pstrmemdup(pool, host, length), VM_PATH, NULL);
    return NULL;
}

const char *amlaps_graph_find_identity(amlaps_tenant_t *tenant, const char *client_id, apr_pool_t *pool)
{
    amlaps_identity_t *identity = apr_pcalloc(pool, sizeof *identity);

    identity->client_id = client_id;
    identity->key_folder = AMLAPS_ARC_KEYS;
    const char *mistake = find(identity, pool);
    if (!mistake) {
        tenant->identity = identity;
    }
    return mistake;
}

/* ---- asking ---- */

const char *amlaps_identity_key_path(const char *challenge, const char *folder, apr_pool_t *pool)
{
    static const char prefix[] = "Basic realm=";
    const apr_size_t length = strlen(folder);
    const char *path = challenge && strncasecmp(challenge, prefix, sizeof prefix - 1) == 0 ? challenge + sizeof prefix - 1 : "";
    apr_size_t end = strlen(path);

    if (end >= 2 && path[0] == '"' && path[end - 1] == '"') {
        path = apr_pstrmemdup(pool, path + 1, end - 2);
        end -= 2;
    }
    if (strncmp(path, folder, length) != 0 || path[length] != '/' || end - length < 6 || strcmp(path + end - 4, ".key") != 0) {
        return NULL;
    }
    for (const char *c = path + length + 1; *c; c++) {
        if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.", *c)) {
            return NULL;
        }
    }
    return apr_pstrdup(pool, path);
}

/* "Authorization: Basic " and the file's content as it is. */
static const char *read_key(amlaps_secret_t **header, const char *path, apr_pool_t *pool)
{
    static const char name[] = "Authorization: Basic ";
    amlaps_secret_t *made = amlaps_secret_make(sizeof name + KEY_MOST + 1, pool);
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    const char *mistake = NULL;
    struct stat info;

    if (fd < 0) {
        return apr_psprintf(pool, "its key cannot be read (%s); add the user of httpd's children to the group himds", strerror(errno));
    }
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size > KEY_MOST || info.st_size == 0) {
        mistake = "its key is no file of at most 4096 bytes";
    }
    else if (!made || amlaps_secret_append(made, name, sizeof name - 1) != APR_SUCCESS) {
        mistake = "out of memory";
    }
    if (!mistake) {
        const ssize_t got = read(fd, made->bytes + made->length, KEY_MOST);
        made->length += got > 0 ? (apr_size_t)got : 0;
        made->bytes[made->length] = '\0';
        while (made->length > 0 && (unsigned char)made->bytes[made->length - 1] <= ' ') {
            made->bytes[--made->length] = '\0';
        }
        mistake = strcspn(made->bytes, "\r\n") == made->length && made->length >= sizeof name ? NULL : "its key holds a line's end or nothing";
    }
    close(fd);
    *header = mistake ? NULL : made;
    return mistake;
}

static const char *url_of(const amlaps_tenant_t *tenant, apr_pool_t *pool)
{
    static const char *const versions[] = {"2018-02-01", "2019-08-01", "2020-06-01"};
    const amlaps_identity_t *identity = tenant->identity;
    const char *resource = amlaps_text_percent(apr_pstrcat(pool, tenant->graph_url, "/", NULL), pool);

    return apr_pstrcat(pool, identity->endpoint, "?api-version=", versions[identity->host], "&resource=", resource,
                       identity->client_id ? "&client_id=" : "", identity->client_id ? identity->client_id : "", NULL);
}

static apr_status_t answer_challenge(amlaps_http_response_t *response, amlaps_error_t *error, const amlaps_graph_t *graph,
                                     const amlaps_tenant_t *tenant, amlaps_http_request_t *request, apr_pool_t *pool)
{
    const char *path = amlaps_identity_key_path(response->authenticate, tenant->identity->key_folder, pool);
    amlaps_secret_t *header = NULL;
    const char *mistake = path ? read_key(&header, path, pool) : "it names a key file outside the folder of Arc";

    if (response->body) {
        amlaps_secret_wipe(response->body);
    }
    if (mistake) {
        return amlaps_error_set(error, AMLAPS_TENANT_CREDENTIAL_INVALID, "AML0334", APR_EGENERAL,
                                "tenant %s: the managed identity of this Arc server cannot be used: %s; check azcmagent, and that httpd's user is "
                                "in the group himds",
                                tenant->name, mistake);
    }
    request->secret_header = header;
    memset(response, 0, sizeof *response);
    const apr_status_t status = graph->transport->exchange(response, error, graph->transport->baton, request, pool);
    amlaps_secret_wipe(header);
    return status;
}

apr_status_t amlaps_identity_ask(amlaps_http_response_t *response, amlaps_error_t *error, const amlaps_graph_t *graph,
                                 const amlaps_tenant_t *tenant, apr_interval_time_t most, apr_pool_t *pool)
{
    static const char *const headers[] = {"Accept: application/json", "Metadata: true", NULL};
    const apr_time_t until = amlaps_clock_steady(graph->clock) + most;
    amlaps_http_request_t request = {.method = "GET",
                                     .url = url_of(tenant, pool),
                                     .headers = headers,
                                     .whom = apr_pstrcat(pool, "tenant ", tenant->name, ": the metadata service", NULL),
                                     .secret_header = tenant->identity->header,
                                     .timeout = most,
                                     .most = ANSWER_MOST,
                                     .stop = graph->stop};

    apr_status_t status = graph->transport->exchange(response, error, graph->transport->baton, &request, pool);
    if (status == APR_SUCCESS && tenant->identity->host == AMLAPS_IDENTITY_ARC && response->status == 401) {
        request.timeout = until - amlaps_clock_steady(graph->clock);
        status = answer_challenge(response, error, graph, tenant, &request, pool);
    }
    return status;
}
