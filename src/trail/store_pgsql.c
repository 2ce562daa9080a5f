/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <string.h>

#include <apr_strings.h>

#include "pgsql.h"

#define MILLISECOND 1000
#define PRUNE_ROWS 1024
#define RECORD_COLUMNS 11
#define ATTEMPT_COLUMNS 4

/*
 * Two round trips a batch, each a pipeline: take the store's lock, read head and limits; write and commit. Every statement has a snapshot of its
 * own (READ COMMITTED), so that what comes after the lock sees all that its last holder committed. The lock is the database's, so that all
 * writers of all servers stand in one line; seq is unique besides.
 */
typedef struct pgsql_store_t {
    amlaps_store_t store;
    amlaps_pgsql_t link;
    apr_interval_time_t timeout;
    int in_transaction;
    amlaps_trail_shared_t *shared;
    amlaps_shared_key_t key;    /* of the store, for what is shared of it */
    apr_time_t newest, oldest;  /* attempts, as the transaction began */
    apr_time_t wall;            /* of the database */
    apr_time_t prune_before;    /* 0: nothing */
    apr_pool_t *pool;           /* of one batch */
    amlaps_pgsql_foresight_t *foresight;
    amlaps_pgsql_array_t record[RECORD_COLUMNS];
    amlaps_pgsql_array_t attempt[ATTEMPT_COLUMNS];
} pgsql_store_t;

/* ---- the connection ---- */

amlaps_pgsql_t *amlaps_pgsql_link(amlaps_store_t *store)
{
    return &((pgsql_store_t *)store)->link;
}

static apr_status_t connect_store(pgsql_store_t *self, amlaps_error_t *error)
{
    apr_status_t status = amlaps_pgsql_connect(&self->link, self->timeout, error);

    if (status == APR_SUCCESS) {
        status = amlaps_pgsql_upgrade(&self->link, error);
    }
    if (status == APR_SUCCESS) {
        status = amlaps_pgsql_prepare_statements(&self->link, error);
    }
    if (status != APR_SUCCESS) {
        amlaps_pgsql_disconnect(&self->link);
    }
    return status;
}

/* ---- the beginning of a batch ---- */

static void pgsql_foresee(amlaps_store_t *store, const amlaps_touch_t *const *touches, apr_size_t count, const amlaps_limit_t *limits,
                          apr_size_t limit_count)
{
    pgsql_store_t *self = (pgsql_store_t *)store;

    self->foresight = amlaps_pgsql_foresee(touches, count, limits, limit_count, self->pool);
}

static amlaps_shared_last_t *last_of(const pgsql_store_t *self)
{
    return amlaps_shared_last(self->shared, self->key);
}

static apr_status_t read_state(amlaps_head_t *head, pgsql_store_t *self, const PGresult *result, amlaps_error_t *error)
{
    const amlaps_shared_last_t *last = last_of(self);

    self->link.broken = 1; /* unless all is well: other results are unread */
    memset(head, 0, sizeof(*head));
    memset(head->hash, '0', AMLAPS_RECORD_HASH);
    self->newest = amlaps_pgsql_number(result, 0, 5, 0) * MILLISECOND;
    self->oldest = amlaps_pgsql_number(result, 0, 6, 0) * MILLISECOND;
    self->wall = amlaps_pgsql_number(result, 0, 7, 0) * MILLISECOND;
    if (!PQgetisnull(result, 0, 0)) {
        if (PQgetlength(result, 0, 2) != AMLAPS_RECORD_HASH) {
            return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0256", APR_EGENERAL,
                                    "the last record of the store %s has no hash; run amlaps-audit verify", self->link.name);
        }
        head->seq = amlaps_pgsql_number(result, 0, 0, 0);
        head->time = amlaps_pgsql_number(result, 0, 1, 0) * MILLISECOND;
        memcpy(head->hash, PQgetvalue(result, 0, 2), AMLAPS_RECORD_HASH);
        apr_cpystrn(head->anchor, PQgetvalue(result, 0, 3), sizeof(head->anchor));
    }
    /* What was confirmed must be there still: a standby that had not got it must not go on as if nothing happened. */
    if (last->seq != 0 && (PQgetisnull(result, 0, 4) || (strcmp(PQgetvalue(result, 0, 4), last->hash) != 0
                                                             && strcmp(PQgetvalue(result, 0, 4), AMLAPS_STORE_EXPORTED) != 0))) {
        return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0259", APR_EGENERAL,
                                "the store %s lacks record %" APR_INT64_T_FMT ", which was written; put the right database back, or stop "
                                "httpd and start it to accept this one", self->link.name, last->seq);
    }
    self->link.broken = 0;
    return APR_SUCCESS;
}

static apr_status_t read_beginning(amlaps_head_t *head, pgsql_store_t *self, amlaps_error_t *error)
{
    static const char doing[] = "reading";
    amlaps_pgsql_t *link = &self->link;
    PGresult *result = NULL;
    apr_status_t status = amlaps_pgsql_expect(NULL, link, PGRES_COMMAND_OK, doing, error);

    if (status == APR_SUCCESS) {
        status = amlaps_pgsql_expect(NULL, link, PGRES_TUPLES_OK, doing, error);
    }
    if (status == APR_SUCCESS && (status = amlaps_pgsql_expect(&result, link, PGRES_TUPLES_OK, doing, error)) == APR_SUCCESS) {
        status = read_state(head, self, result, error);
        PQclear(result);
    }
    if (status == APR_SUCCESS && self->foresight != NULL
        && (status = amlaps_pgsql_expect(&result, link, PGRES_TUPLES_OK, doing, error)) == APR_SUCCESS) {
        amlaps_pgsql_foresight_read(self->foresight, result);
        PQclear(result);
    }
    return status == APR_SUCCESS ? amlaps_pgsql_expect(NULL, link, PGRES_PIPELINE_SYNC, doing, error) : status;
}

static void empty_batch(pgsql_store_t *self)
{
    int i;

    for (i = 0; i < RECORD_COLUMNS; i++) {
        amlaps_pgsql_array_init(&self->record[i], i < 2 ? AMLAPS_PGSQL_INT8 : AMLAPS_PGSQL_TEXT, self->pool);
    }
    for (i = 0; i < ATTEMPT_COLUMNS; i++) {
        amlaps_pgsql_array_init(&self->attempt[i], i == 1 ? AMLAPS_PGSQL_TEXT : AMLAPS_PGSQL_INT8, self->pool);
    }
    self->prune_before = 0;
}

static apr_status_t start_batch(amlaps_head_t *head, pgsql_store_t *self, amlaps_error_t *error)
{
    int sent;

    self->in_transaction = 1;
    sent = amlaps_pgsql_send(&self->link, AMLAPS_PGSQL_BEGIN) && amlaps_pgsql_send(&self->link, AMLAPS_PGSQL_LOCK) && amlaps_pgsql_send_numbers(&self->link, AMLAPS_PGSQL_STATE, last_of(self)->seq, 0, 1)
           && (self->foresight == NULL || amlaps_pgsql_send_arrays(&self->link, AMLAPS_PGSQL_LIMITS, amlaps_pgsql_foresight_questions(self->foresight), 4))
           && PQpipelineSync(self->link.conn);
    return sent ? read_beginning(head, self, error) : amlaps_pgsql_fail(&self->link, NULL, "reading", error);
}

static apr_status_t take_error(amlaps_error_t *error, const amlaps_error_t *first)
{
    if (first->status != APR_SUCCESS) {
        *error = *first;
    }
    return first->status;
}

static apr_status_t pgsql_begin(amlaps_head_t *head, amlaps_store_t *store, apr_interval_time_t patience, amlaps_error_t *error)
{
    pgsql_store_t *self = (pgsql_store_t *)store;
    amlaps_error_t first = { 0 };

    (void)patience;
    amlaps_pgsql_hurry(&self->link, self->timeout);
    empty_batch(self);
    if (self->link.conn != NULL) {
        if (start_batch(head, self, &first) != APR_ECONNRESET) {
            return take_error(error, &first);
        }
        /* The server went away since the last batch; nothing of this one was written yet. */
        amlaps_pgsql_disconnect(&self->link);
    }
    self->in_transaction = 0;
    return connect_store(self, error) == APR_SUCCESS ? start_batch(head, self, error) : error->status;
}

/* ---- within it ---- */

static apr_status_t unforeseen(const pgsql_store_t *self, amlaps_error_t *error)
{
    return amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0256", APR_EGENERAL,
                            "a limit was asked of the store %s that the batch had not announced; report this as a bug", self->link.name);
}

static apr_status_t pgsql_last_attempt(apr_int64_t *ordinal, amlaps_store_t *store, const amlaps_touch_t *touch, amlaps_error_t *error)
{
    pgsql_store_t *self = (pgsql_store_t *)store;

    return self->foresight != NULL && amlaps_pgsql_foresight_last(ordinal, self->foresight, touch) ? APR_SUCCESS : unforeseen(self, error);
}

static apr_status_t pgsql_attempt_time(apr_time_t *time, amlaps_store_t *store, const amlaps_touch_t *touch, apr_int64_t ordinal,
                                       amlaps_error_t *error)
{
    pgsql_store_t *self = (pgsql_store_t *)store;

    return self->foresight != NULL && amlaps_pgsql_foresight_time(time, self->foresight, touch, ordinal) ? APR_SUCCESS
                                                                                                          : unforeseen(self, error);
}

static apr_status_t pgsql_newest_attempt(apr_time_t *time, amlaps_store_t *store, amlaps_error_t *error)
{
    (void)error;
    *time = ((pgsql_store_t *)store)->newest;
    return APR_SUCCESS;
}

static apr_time_t pgsql_wall(amlaps_store_t *store)
{
    return ((pgsql_store_t *)store)->wall;
}

static apr_status_t pgsql_add_record(amlaps_store_t *store, const amlaps_row_t *row, amlaps_error_t *error)
{
    amlaps_pgsql_array_t *column = ((pgsql_store_t *)store)->record;
    const char *const text[] = { row->id, row->stage, row->event, row->outcome, row->actor, row->device };
    int i;

    (void)error;
    amlaps_pgsql_array_add_number(&column[0], row->seq);
    amlaps_pgsql_array_add_number(&column[1], row->time / MILLISECOND);
    for (i = 0; i < 6; i++) {
        amlaps_pgsql_array_add_text(&column[2 + i], text[i], text[i] != NULL ? strlen(text[i]) : 0);
    }
    amlaps_pgsql_array_add_text(&column[8], row->body, row->length);
    amlaps_pgsql_array_add_text(&column[9], row->hash, strlen(row->hash));
    amlaps_pgsql_array_add_text(&column[10], row->anchor, row->anchor != NULL ? strlen(row->anchor) : 0);
    return APR_SUCCESS;
}

static apr_status_t pgsql_add_attempt(amlaps_store_t *store, const amlaps_touch_t *touch, apr_int64_t ordinal, apr_time_t time,
                                      amlaps_error_t *error)
{
    pgsql_store_t *self = (pgsql_store_t *)store;

    (void)error;
    amlaps_pgsql_array_add_number(&self->attempt[0], (apr_int64_t)touch->scope);
    amlaps_pgsql_array_add_text(&self->attempt[1], touch->key, AMLAPS_LIMIT_KEY);
    amlaps_pgsql_array_add_number(&self->attempt[2], ordinal);
    amlaps_pgsql_array_add_number(&self->attempt[3], time / MILLISECOND);
    if (self->foresight != NULL) {
        amlaps_pgsql_foresight_add(self->foresight, touch, time);
    }
    return APR_SUCCESS;
}

static apr_status_t pgsql_prune(amlaps_store_t *store, apr_time_t time, amlaps_error_t *error)
{
    pgsql_store_t *self = (pgsql_store_t *)store;

    (void)error;
    self->prune_before = self->oldest != 0 && self->oldest < time ? time : 0;
    return APR_SUCCESS;
}

static apr_status_t pgsql_forget(amlaps_store_t *store, apr_int64_t seq, amlaps_error_t *error)
{
    char number[32];
    const char *const value[] = { number };

    apr_snprintf(number, sizeof(number), "%" APR_INT64_T_FMT, seq);
    return amlaps_pgsql_later(amlaps_pgsql_link(store), "DELETE FROM amlaps.record WHERE seq <= $1::bigint", value, 1, error);
}

/* ---- the end ---- */

static int send_batch(pgsql_store_t *self)
{
    return (self->record[0].count == 0 || amlaps_pgsql_send_arrays(&self->link, AMLAPS_PGSQL_ADD_RECORDS, self->record, RECORD_COLUMNS))
           && (self->attempt[0].count == 0 || amlaps_pgsql_send_arrays(&self->link, AMLAPS_PGSQL_ADD_ATTEMPTS, self->attempt, ATTEMPT_COLUMNS))
           && (self->prune_before == 0 || amlaps_pgsql_send_numbers(&self->link, AMLAPS_PGSQL_PRUNE, self->prune_before / MILLISECOND, PRUNE_ROWS, 2))
           && amlaps_pgsql_send(&self->link, AMLAPS_PGSQL_COMMIT) && PQpipelineSync(self->link.conn);
}

/**
 * A warning instead of an error is what a server says that committed without its standbys, because somebody cancelled its wait: those records
 * are gone where a standby takes over.
 */
static apr_status_t read_commit(pgsql_store_t *self, amlaps_error_t *error)
{
    PGresult *result = NULL;
    apr_status_t status = amlaps_pgsql_expect(&result, &self->link, PGRES_COMMAND_OK, "committing to", error);

    if (status == APR_SUCCESS && strcmp(PQcmdStatus(result), "COMMIT") != 0) {
        self->link.broken = 1;
        status = amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0256", APR_EGENERAL, "the store %s answered COMMIT with %.40s",
                                  self->link.name, PQcmdStatus(result));
    }
    PQclear(result);
    if (status == APR_SUCCESS) {
        status = amlaps_pgsql_expect(NULL, &self->link, PGRES_PIPELINE_SYNC, "committing to", error);
    }
    if (status == APR_SUCCESS && self->link.warning[0] != '\0') {
        self->link.broken = 1;
        status = amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0260", APR_EGENERAL,
                                  "the store %s did not confirm that its standbys have the records: %s", self->link.name, self->link.warning);
    }
    return status;
}

/** A trigger or a rule of somebody else's can take records away without an error. */
static apr_status_t read_added(pgsql_store_t *self, amlaps_error_t *error)
{
    PGresult *result = NULL;
    apr_status_t status = amlaps_pgsql_expect(&result, &self->link, PGRES_COMMAND_OK, "writing to", error);

    if (status == APR_SUCCESS && apr_atoi64(PQcmdTuples(result)) != (apr_int64_t)self->record[0].count) {
        self->link.broken = 1;
        status = amlaps_error_set(error, AMLAPS_AUDIT_UNAVAILABLE, "AML0261", APR_EGENERAL,
                                  "the store %s took %.20s of %u records; take triggers and rules off the table amlaps.record",
                                  self->link.name, PQcmdTuples(result), (unsigned)self->record[0].count);
    }
    PQclear(result);
    return status;
}

static apr_status_t read_end(pgsql_store_t *self, amlaps_error_t *error)
{
    static const char doing[] = "writing to";
    int others = (self->attempt[0].count > 0) + (self->prune_before != 0);
    apr_status_t status = amlaps_pgsql_catch_up(&self->link, error);

    if (status == APR_SUCCESS && self->record[0].count > 0) {
        status = read_added(self, error);
    }
    while (others-- > 0 && status == APR_SUCCESS) {
        status = amlaps_pgsql_expect(NULL, &self->link, PGRES_COMMAND_OK, doing, error);
    }
    return status == APR_SUCCESS ? read_commit(self, error) : status;
}

/** A transaction with a number is written to the log when it commits, whatever it changed. */
static apr_status_t pgsql_prove(amlaps_store_t *store, amlaps_error_t *error)
{
    return amlaps_pgsql_ask(NULL, &((pgsql_store_t *)store)->link, PGRES_TUPLES_OK, "SELECT txid_current()", NULL, 0, error);
}

/** Where no answer comes, the records may be there or not: the next batch goes on from what the database says then. */
static apr_status_t pgsql_commit(amlaps_store_t *store, const amlaps_head_t *head, amlaps_error_t *error)
{
    pgsql_store_t *self = (pgsql_store_t *)store;
    apr_status_t status;

    self->link.warning[0] = '\0';
    status = send_batch(self) ? read_end(self, error) : amlaps_pgsql_fail(&self->link, NULL, "writing to", error);
    if (status == APR_SUCCESS) {
        amlaps_shared_last_t *last = last_of(self);

        self->in_transaction = 0;
        self->foresight = NULL;
        last->seq = head->seq;
        memcpy(last->hash, head->hash, sizeof(last->hash));
        apr_pool_clear(self->pool);
    }
    return status;
}

/** Politely where the connection is good, since it stays; else the server takes it back when the connection ends. */
static void pgsql_rollback(amlaps_store_t *store)
{
    pgsql_store_t *self = (pgsql_store_t *)store;
    amlaps_error_t error = { 0 };

    if (self->in_transaction && !self->link.broken) {
        amlaps_pgsql_ask(NULL, &self->link, PGRES_COMMAND_OK, "ROLLBACK", NULL, 0, &error);
    }
    if (self->link.broken) {
        amlaps_pgsql_disconnect(&self->link);
    }
    self->in_transaction = 0;
    self->foresight = NULL;
    apr_pool_clear(self->pool);
}

static apr_status_t pgsql_tend(amlaps_store_t *store, amlaps_error_t *error)
{
    (void)store;
    (void)error;
    return APR_SUCCESS;
}

static void pgsql_close(amlaps_store_t *store)
{
    pgsql_store_t *self = (pgsql_store_t *)store;

    amlaps_pgsql_disconnect(&self->link);
    apr_pool_destroy(self->pool);
}

amlaps_store_t *amlaps_pgsql_make(const char *conninfo, amlaps_trail_shared_t *shared, apr_interval_time_t timeout, apr_pool_t *pool)
{
    static const amlaps_store_ops_t ops = {
        .foresee = pgsql_foresee,
        .begin = pgsql_begin,
        .last_attempt = pgsql_last_attempt,
        .attempt_time = pgsql_attempt_time,
        .newest_attempt = pgsql_newest_attempt,
        .wall = pgsql_wall,
        .add_record = pgsql_add_record,
        .add_attempt = pgsql_add_attempt,
        .prune = pgsql_prune,
        .forget = pgsql_forget,
        .prove = pgsql_prove,
        .commit = pgsql_commit,
        .rollback = pgsql_rollback,
        .tend = pgsql_tend,
        .close = pgsql_close
    };
    pgsql_store_t *self = apr_pcalloc(pool, sizeof(*self));

    self->store.ops = &ops;
    self->store.queue = &amlaps_pgsql_queue;
    self->shared = shared;
    self->timeout = timeout;
    /* The writer's alone: it must not share an allocator with threads that are gone before it. */
    if (apr_pool_create_unmanaged_ex(&self->pool, NULL, NULL) != APR_SUCCESS) {
        return NULL;
    }
    amlaps_pgsql_init(&self->link, conninfo, pool);
    amlaps_shared_key(self->key, conninfo);
    return &self->store;
}
