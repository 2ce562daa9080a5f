/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "standing.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include <apr_strings.h>

#include <sys/mman.h>

#include "client.h"

#define CLAIM_EVERY apr_time_from_sec(10)
#define TOLD_FOR apr_time_from_sec(600)
#define AILING_FOR apr_time_from_sec(60) /* then it is worth a try like any other */
#define DAY apr_time_from_sec(86400)
#define FAR 1000 /* more days than anybody is warned of */

struct amlaps_row_t {
    pthread_mutex_t mutex;
    amlaps_standing_t known; /* times on the steady clock but credential_expires; 0: never */
    int needed;              /* of known.login */
    apr_time_t refused_until, told;
    const char *told_id;     /* a constant of the module, which all children of a generation have at the same place */
    char served[AMLAPS_PERMISSIONS_MOST];
    apr_time_t claimed;
    int expiry_told;
};

struct amlaps_graph_shared_t {
    apr_size_t size;
    amlaps_row_t rows[];
};

static apr_status_t unmap(void *data)
{
    amlaps_graph_shared_t *shared = data;

    munmap(shared, shared->size);
    return APR_SUCCESS;
}

static int init_row(amlaps_row_t *row, const pthread_mutexattr_t *attributes)
{
    row->expiry_told = FAR;
    return pthread_mutex_init(&row->mutex, attributes);
}

amlaps_graph_shared_t *amlaps_graph_share(apr_size_t tenant_count, apr_pool_t *pool)
{
    const apr_size_t size = sizeof(amlaps_graph_shared_t) + tenant_count * sizeof(amlaps_row_t);
    amlaps_graph_shared_t *shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_t attributes;

    if (shared == MAP_FAILED) {
        return NULL;
    }
    shared->size = size;
    pthread_mutexattr_init(&attributes);
    int failed = pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED)
                 || pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    for (apr_size_t i = 0; i < tenant_count && !failed; i++) {
        failed = init_row(&shared->rows[i], &attributes);
    }
    pthread_mutexattr_destroy(&attributes);
    if (failed) {
        munmap(shared, size);
        return NULL;
    }
    apr_pool_cleanup_register(pool, shared, unmap, apr_pool_cleanup_null);
    return shared;
}

amlaps_row_t *amlaps_standing_row(amlaps_graph_shared_t *shared, apr_size_t index)
{
    return &shared->rows[index];
}

/* A child that died in here left at worst half a message, which ends in a NUL all the same. */
static void lock(amlaps_row_t *row)
{
    if (pthread_mutex_lock(&row->mutex) == EOWNERDEAD) {
        pthread_mutex_consistent(&row->mutex);
    }
}

static void unlock(amlaps_row_t *row)
{
    pthread_mutex_unlock(&row->mutex);
}

static amlaps_token_state_t token_state(const amlaps_row_t *row, apr_time_t now)
{
    const int usable = row->known.token_expires > now;

    if (row->known.login.time && (row->needed || !usable)) {
        return AMLAPS_TOKEN_FAILING;
    }
    return usable ? AMLAPS_TOKEN_USABLE : AMLAPS_TOKEN_UNKNOWN;
}

void amlaps_standing_token(amlaps_row_t *row, apr_time_t issued, apr_interval_time_t life)
{
    lock(row);
    row->known.token_issued = issued;
    row->known.token_expires = issued + life;
    memset(&row->known.login, 0, sizeof row->known.login);
    row->needed = 0;
    row->refused_until = 0;
    row->told_id = NULL;
    unlock(row);
}

void amlaps_standing_no_token(amlaps_row_t *row, const amlaps_fault_t *fault, int needed, apr_time_t until)
{
    lock(row);
    /* Two children may have asked side by side; what the login told one of them holds for the other too. */
    if (until >= row->refused_until) {
        row->known.login = *fault;
        row->refused_until = until;
    }
    row->needed |= needed;
    unlock(row);
}

int amlaps_standing_is_news(amlaps_row_t *row, const amlaps_fault_t *fault)
{
    lock(row);
    const int news = row->told_id != fault->error.id || fault->time - row->told >= TOLD_FOR;
    if (news) {
        row->told_id = fault->error.id;
        row->told = fault->time;
    }
    unlock(row);
    return news;
}

void amlaps_standing_rest(amlaps_fault_t *fault, apr_time_t until, apr_time_t now)
{
    if (fault->error.retry_after > 0) {
        fault->error.retry_after = until - now;
    }
}

int amlaps_standing_refused(amlaps_fault_t *fault, amlaps_row_t *row, apr_time_t now)
{
    lock(row);
    const int refused = now < row->refused_until;
    if (refused) {
        *fault = row->known.login;
        amlaps_standing_rest(fault, row->refused_until, now);
    }
    unlock(row);
    return refused;
}

void amlaps_standing_answer(amlaps_row_t *row, apr_time_t now, apr_interval_time_t took, int status, const char *request_id)
{
    lock(row);
    row->known.answered = now;
    row->known.took = took;
    row->known.status = status;
    apr_cpystrn(row->known.request_id, request_id ? request_id : "", sizeof row->known.request_id);
    unlock(row);
}

void amlaps_standing_fault(amlaps_row_t *row, const amlaps_fault_t *fault)
{
    lock(row);
    row->known.fault = *fault;
    unlock(row);
}

void amlaps_standing_block(amlaps_row_t *row, apr_time_t now, apr_interval_time_t wait)
{
    lock(row);
    if (row->known.throttled_until < now + wait) {
        row->known.throttled_until = now + wait;
    }
    unlock(row);
}

apr_interval_time_t amlaps_standing_blocked(amlaps_row_t *row, apr_time_t now)
{
    lock(row);
    const apr_interval_time_t left = row->known.throttled_until - now;
    unlock(row);
    return left > 0 ? left : 0;
}

int amlaps_standing_permissions(amlaps_row_t *row, const amlaps_token_claims_t *claims)
{
    lock(row);
    const int news = claims->readable
                     && (!row->known.permissions_known || strcmp(claims->missing, row->known.missing) != 0
                         || strcmp(claims->excess, row->known.excess) != 0);
    if (news) {
        row->known.permissions_known = 1;
        apr_cpystrn(row->known.missing, claims->missing, sizeof row->known.missing);
        apr_cpystrn(row->known.excess, claims->excess, sizeof row->known.excess);
    }
    if (claims->readable) {
        apr_cpystrn(row->served, claims->served, sizeof row->served);
    }
    unlock(row);
    return news;
}

/* Of "A and B" both must be. */
static int is_served(const char *served, const char *permission)
{
    const char *more = strstr(permission, " and ");
    const apr_size_t length = more ? (apr_size_t)(more - permission) : strlen(permission);

    for (const char *found = served; *found; found += strcspn(found, ",")) {
        found += strspn(found, ", ");
        if (strcspn(found, ",") == length && strncmp(found, permission, length) == 0) {
            return more ? is_served(served, more + 5) : 1;
        }
    }
    return 0;
}

amlaps_grant_t amlaps_standing_grant(amlaps_row_t *row, const char *permission)
{
    amlaps_grant_t grant = AMLAPS_GRANT_LACKING;

    lock(row);
    if (!row->known.permissions_known) {
        grant = AMLAPS_GRANT_UNKNOWN;
    }
    else if (is_served(row->served, permission)) {
        grant = AMLAPS_GRANT_THERE;
    }
    else if (!row->served[0] && !row->known.excess[0]) {
        grant = AMLAPS_GRANT_NONE;
    }
    unlock(row);
    return grant;
}

/* 30, 7, 1 and 0 days: each is told once. */
static int threshold_of(apr_time_t expires, apr_time_t now)
{
    static const int days[] = {0, 1, 7, 30};

    for (size_t i = 0; expires && i < sizeof days / sizeof *days; i++) {
        if (expires - now <= days[i] * DAY) {
            return days[i];
        }
    }
    return FAR;
}

int amlaps_standing_expiry(amlaps_row_t *row, apr_time_t expires, apr_time_t now)
{
    const int days = threshold_of(expires, now);

    lock(row);
    const int news = days < row->expiry_told;
    row->expiry_told = days;
    row->known.credential_expires = expires;
    unlock(row);
    return news;
}

int amlaps_standing_expiry_is_near(amlaps_row_t *row, apr_time_t now)
{
    lock(row);
    const int near = threshold_of(row->known.credential_expires, now) < row->expiry_told;
    unlock(row);
    return near;
}

void amlaps_graph_share_expiry(amlaps_graph_shared_t *shared, apr_size_t tenant, apr_time_t expires, apr_time_t now)
{
    amlaps_standing_expiry(&shared->rows[tenant], expires, now);
}

int amlaps_standing_claim(amlaps_row_t *row, apr_time_t now)
{
    lock(row);
    const int mine = token_state(row, now) != AMLAPS_TOKEN_USABLE && (!row->claimed || now - row->claimed >= CLAIM_EVERY);
    if (mine) {
        row->claimed = now;
    }
    unlock(row);
    return mine;
}

/* The steady clock counts alike in all children; people read the other one. */
static void to_wall(apr_time_t *time, apr_interval_time_t offset)
{
    if (*time) {
        *time += offset;
    }
}

int amlaps_graph_standing(amlaps_standing_t *standing, const amlaps_graph_t *graph, const char *name)
{
    const apr_time_t now = amlaps_clock_steady(graph->clock);
    const apr_interval_time_t offset = amlaps_clock_wall(graph->clock) - now;

    for (apr_size_t i = 0; i < graph->tenant_count; i++) {
        amlaps_row_t *row = graph->tenants[i].row;
        if (strcmp(graph->tenants[i].config->name, name) != 0) {
            continue;
        }
        lock(row);
        *standing = row->known;
        standing->token = token_state(row, now);
        unlock(row);
        to_wall(&standing->token_issued, offset);
        to_wall(&standing->token_expires, offset);
        to_wall(&standing->login.time, offset);
        to_wall(&standing->answered, offset);
        to_wall(&standing->fault.time, offset);
        to_wall(&standing->throttled_until, offset);
        return 1;
    }
    memset(standing, 0, sizeof *standing);
    return 0;
}

int amlaps_graph_is_ailing(const amlaps_graph_t *graph, const char *name)
{
    const apr_time_t since = amlaps_clock_wall(graph->clock) - AILING_FOR;
    amlaps_standing_t standing;

    amlaps_graph_standing(&standing, graph, name);
    return (standing.token == AMLAPS_TOKEN_FAILING && standing.login.time > since)
           || (standing.fault.time > since && standing.fault.time >= standing.answered);
}
