/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#ifndef AMLAPS_TRAIL_H
#define AMLAPS_TRAIL_H

/*
 * The durable trail: audit records in one hash chain, and the limits that are counted with them. Opened in child_init; a thread of its own
 * writes, so that a frozen disk costs that thread and not the workers, who wait no longer than the deadline. Nothing returns success before
 * its record is on disk in the store and in every required copy. Design and traps: shared trail notes; record: contract, section 4.
 */

#include <apr_tables.h>

#include "amlaps/base.h"
#include "amlaps/json.h"

/* ---- records ---- */

typedef enum amlaps_stage_t { AMLAPS_STAGE_INTENT, AMLAPS_STAGE_OUTCOME } amlaps_stage_t;

typedef enum amlaps_event_t {
    AMLAPS_EVENT_PASSWORD,
    AMLAPS_EVENT_HISTORY,
    AMLAPS_EVENT_SEARCH,
    AMLAPS_EVENT_AUDIT,
    AMLAPS_EVENT_EXPLAIN,
    AMLAPS_EVENT_START
} amlaps_event_t;

typedef enum amlaps_outcome_t {
    AMLAPS_OUTCOME_PENDING,
    AMLAPS_OUTCOME_GRANTED,
    AMLAPS_OUTCOME_DENIED,
    AMLAPS_OUTCOME_FAILED
} amlaps_outcome_t;

/** What is to be recorded; texts may be NULL where unknown and are copied. Never a password, token or secret. */
typedef struct amlaps_record_t {
    const char *id;                /* GUID of the request; also the client-request-id */
    amlaps_stage_t stage;
    amlaps_event_t event;
    amlaps_outcome_t outcome;
    const char *code;              /* the contract's word; "device_not_found" where the person reads not_authorized */
    const char *oid, *tid, *issuer, *subject, *username, *name; /* actor; issuer and subject only where there is no oid */
    const char *address;
    const char *tenant, *device_id, *device_name;
    const char *rule;
    const char *reason;
    const char *search;            /* the text searched for */
    const char *graph_request_id;
    int graph_status, graph_attempts; /* member `graph` is left out where attempts is 0 */
    const char *host;              /* of a start: which machine, and how often this httpd was (re)started; else NULL */
    unsigned generation;
    const char *account;           /* credential; left out where NULL and backed_up is 0 */
    apr_time_t backed_up;
    /* Not of the record: the names of the channels that are told of a granted, and of a denied or failed outcome, NULL at the end. NULL: none */
    const char *const *on_success, *const *on_failure;
    /* How channels fared that were told before this record, for amlaps_trail_channel: those that took it, and one that did not (NULL: none). */
    const char *const *told;
    const char *untold, *untold_why;
    const char *seal;              /* what a record about the sealing says of it, as canonical JSON; NULL: no member `seal` */
} amlaps_record_t;

/* ---- limits ---- */

typedef enum amlaps_limit_scope_t { AMLAPS_LIMIT_USER, AMLAPS_LIMIT_ADDRESS, AMLAPS_LIMIT_SEARCH, AMLAPS_LIMIT_SCOPES } amlaps_limit_scope_t;

typedef struct amlaps_limit_t {
    amlaps_limit_scope_t scope;
    int most;                      /* attempts, 1 to 1,000,000 */
    apr_interval_time_t period;    /* a minute, an hour or a day */
} amlaps_limit_t;

/** Reads "N/minute|hour|day". @return NULL, or what to write instead */
const char *amlaps_limit_parse(amlaps_limit_t *limit, amlaps_limit_scope_t scope, const char *text, apr_pool_t *pool);

/* ---- the trail of one child ---- */

typedef enum amlaps_sink_kind_t { AMLAPS_SINK_FILE, AMLAPS_SINK_PIPE, AMLAPS_SINK_SYSLOG } amlaps_sink_kind_t;

typedef struct amlaps_trail_end_t {
    int fd;                        /* to read the file by, until the pool it was opened with goes */
    off_t whole;                   /* where its last whole record ended when it was opened; half a line may come after */
} amlaps_trail_end_t;

typedef struct amlaps_trail_sink_t { /* one AMLapsAuditLog */
    const char *name;              /* as messages name it; of a file its path */
    int fd;                        /* file and pipe: opened by the parent and inherited; a pipe's does not block */
    int required;
    amlaps_sink_kind_t kind;
    const char *place;             /* file: set by amlaps_trail_sink_opened */
    apr_int64_t last;              /* file: the last record in it, set by the same; 0: not known */
    const amlaps_trail_end_t *end; /* file: set by the same; NULL: it is not to be read */
    const char *socket;            /* syslog: path of its local socket */
    int priority;                  /* syslog: see amlaps_trail_syslog_priority */
} amlaps_trail_sink_t;

/** Notes about a file that was just opened how far it goes, so that it gets the records that it lacks. In the parent. */
void amlaps_trail_sink_opened(amlaps_trail_sink_t *sink, apr_pool_t *pool);

/** What syslog calls PRI, for a facility. @return NULL, or what to write instead */
const char *amlaps_trail_syslog_priority(int *priority, const char *facility, apr_pool_t *pool);

typedef struct amlaps_trail_config_t {
    const char *store;             /* as amlaps_trail_read_store gave it */
    const char *seal;              /* path of the sealing state, NULL: the trail is not sealed */
    apr_interval_time_t silence;   /* a sealed trail that was silent for so long gets a record (event audit, code alive); 0: never */
    apr_interval_time_t timeout;   /* AMLapsStoreTimeout */
    const amlaps_limit_t *limits;
    apr_size_t limit_count;
    const amlaps_trail_sink_t *sinks;
    apr_size_t sink_count;
    const amlaps_clock_t *clock;
    const char *host;              /* this machine's name: the first child of each (re)start writes one record of it; NULL: none does */
} amlaps_trail_config_t;

typedef struct amlaps_trail_t amlaps_trail_t;

/** Checks the form of a store's name and its directory without making or asking anything. For configtest. @return NULL, or what to write instead */
const char *amlaps_trail_check_store(const char *store, apr_pool_t *pool);

/**
 * Puts the content of the file in place of "pgsql:file:PATH", for all functions below; other names stay. Runs in the parent: the file is root's.
 * @param name set to what the other functions take. It may hold a password: it is wiped with `pool`, and must not be shown
 * @return NULL, or what to write instead
 */
const char *amlaps_trail_read_store(const char **name, const char *store, apr_pool_t *pool);

/**
 * Makes or upgrades the store and gives it to the user of the children. Runs in the parent, as root, in post_config, and closes every
 * descriptor before it returns. A store that a newer module wrote is refused.
 * @param uid, gid the children's; (uid_t)-1: leave the owner
 * @return APR_EAGAIN where a database does not answer now: its store is prepared by the children when it does
 */
apr_status_t amlaps_trail_prepare(amlaps_error_t *error, const char *store, uid_t uid, gid_t gid, apr_pool_t *pool);

/** Checks the sealing state's file, its directory and, where it may be read, what it holds. For configtest. @return NULL, or what to do */
const char *amlaps_trail_check_seal(const char *state, apr_pool_t *pool);

/** Gives the sealing state to the user of the children, for post_config. Follows no link. @param uid (uid_t)-1: leave the owner */
apr_status_t amlaps_trail_prepare_seal(amlaps_error_t *error, const char *state, uid_t uid, gid_t gid);

/**
 * Memory that all children of all generations share: the robust mutex that orders their writers. Made once by the parent and kept over
 * graceful restarts (old children still commit). @return NULL without memory
 */
typedef struct amlaps_trail_shared_t amlaps_trail_shared_t;
amlaps_trail_shared_t *amlaps_trail_share(void);

/** The size of that memory, by which one build tells whether another one made it. */
apr_size_t amlaps_trail_shared_size(void);

/**
 * Says that the children opened from now on are of a new generation. The parent calls it in post_config, before it makes them. A store or copy
 * whose fsync failed stays unused as long as `shared` lasts: a reload is no operator's look at the disk.
 */
void amlaps_trail_restarted(amlaps_trail_shared_t *shared);

/**
 * Whether a store or sealing state was prepared already since `shared` was made. The parent of a reload then leaves it alone: its disk may be frozen,
 * and what somebody took away must not come into being again as if nothing had been there.
 */
int amlaps_trail_is_prepared(const amlaps_trail_shared_t *shared, const char *name);
void amlaps_trail_note_prepared(amlaps_trail_shared_t *shared, const char *name);

/**
 * Opens the store and starts the writer. A store that cannot be opened is no error here: the trail answers AMLAPS_AUDIT_UNAVAILABLE and
 * tries again, so that a child starts and recovers. Closed by the pool: waits a moment for the writer, never for ever.
 */
apr_status_t amlaps_trail_open(amlaps_trail_t **trail, amlaps_error_t *error, const amlaps_trail_config_t *config,
                               amlaps_trail_shared_t *shared, apr_pool_t *pool);

/**
 * Counts an attempt and records it, in one transaction. An attempt within the limits is recorded as given: an intent, or a refusal whose
 * outcome is known already. One beyond them is recorded as one denied outcome with code rate_limited, and does not count itself.
 * password and history attempts count for user and address, searches for search.
 * @return APR_SUCCESS: on disk. Else AMLAPS_RATE_LIMITED (with retry_after; on disk as such) or AMLAPS_AUDIT_UNAVAILABLE, within the timeout:
 * then the record is not in the store, unless this was the batch that was late, whose sync failed, or whose required copy failed.
 */
apr_status_t amlaps_trail_admit(amlaps_error_t *error, amlaps_trail_t *trail, const amlaps_record_t *record, apr_pool_t *pool);

/** The record's JSON before it has a place in the chain: without seq, prev and hash. @param time as it will be, or a moment before */
const char *amlaps_trail_foretell(const amlaps_record_t *record, apr_time_t time, apr_pool_t *pool);

/** Records an outcome. Does not count. @return APR_SUCCESS: on disk; or AMLAPS_AUDIT_UNAVAILABLE */
apr_status_t amlaps_trail_conclude(amlaps_error_t *error, amlaps_trail_t *trail, const amlaps_record_t *record, apr_pool_t *pool);

/**
 * @return how long this person or address is beyond a limit as far as this child knows from its own refusals, 0 where not: lets a flood end
 * before Graph is asked. The attempt must still be admitted, which records it.
 */
apr_interval_time_t amlaps_trail_blocked(amlaps_trail_t *trail, const amlaps_record_t *record, apr_pool_t *pool);

/** What all children have recorded since `shared` was made. */
typedef struct amlaps_trail_counts_t {
    apr_uint64_t records;          /* that the store and the required copies have */
    apr_uint64_t failures;         /* records that they did not take, or not in time */
} amlaps_trail_counts_t;

void amlaps_trail_counts(amlaps_trail_counts_t *counts, const amlaps_trail_shared_t *shared);

/** The name of its store, for the functions below that read one. It may hold a password: it is a secret of the trail, never to be copied or shown. */
const char *amlaps_trail_store(const amlaps_trail_t *trail);

/**
 * Writes a transaction that changes nothing, at most every ten seconds; between them, and while one is under way, it tells what the last one
 * showed. Waits for the store as long as a record would.
 * @return 1 where records can be written and no required copy lacks any
 */
int amlaps_trail_probe(amlaps_trail_t *trail);

typedef enum amlaps_seal_standing_t { AMLAPS_SEAL_OFF, AMLAPS_SEAL_OK, AMLAPS_SEAL_FAILED } amlaps_seal_standing_t;

/** How the seal stood with the last write; for those that were refused because of it, too. */
amlaps_seal_standing_t amlaps_trail_seal_standing(const amlaps_trail_t *trail);

/** @return 1 while the last write succeeded or none was tried since the store was opened */
int amlaps_trail_healthy(amlaps_trail_t *trail);

/* ---- the queue of notifications ---- */

/*
 * A record's notifications are queued in its own transaction. What follows is for the thread that delivers them: it may wait for the store as
 * long as a worker may, and fails with AMLAPS_AUDIT_UNAVAILABLE as they do.
 */

/** One notification, held by whoever took it for half a minute; then it may be taken again, so that none is lost. */
typedef struct amlaps_notice_t {
    apr_int64_t number;
    const char *channel;
    const char *record;    /* the JSON line */
    apr_time_t queued;
    int attempts;          /* that began, this one included */
    const char *why;       /* what the last one came to; NULL: this is the first, or nobody could tell */
} amlaps_notice_t;

typedef enum amlaps_notice_end_t {
    AMLAPS_NOTICE_DELIVERED,  /* it is removed */
    AMLAPS_NOTICE_POSTPONED,
    AMLAPS_NOTICE_DEAD        /* it stays for a month, for people to look at */
} amlaps_notice_end_t;

/**
 * Waits to be the one thread of all children of this machine that delivers what is queued in this store. Whoever leads ends it in the same
 * thread; it ends by itself where the process dies. @return APR_SUCCESS, or APR_TIMEUP after `patience`
 */
apr_status_t amlaps_trail_lead(amlaps_trail_t *trail, apr_interval_time_t patience);
void amlaps_trail_follow(amlaps_trail_t *trail);

/** @return 1 where an operator restarted httpd since this child was made, so that its successors are to deliver */
int amlaps_trail_is_over(const amlaps_trail_t *trail);

/** @return a number that changes whenever a child of this machine has queued something. No store is asked; any thread. */
unsigned amlaps_trail_news(const amlaps_trail_t *trail);

/**
 * Takes the notification of the channel that is due first.
 * @param notice out: NULL where none is due
 * @param wait out: then, how long until one is; 0: none waits
 */
apr_status_t amlaps_trail_take_notice(amlaps_notice_t **notice, apr_interval_time_t *wait, amlaps_error_t *error, amlaps_trail_t *trail,
                                      const char *channel, apr_pool_t *pool);

/**
 * Says what came of it. Nothing happens where it was taken by somebody else meanwhile.
 * @param again when to try again, from now, at most an hour; for AMLAPS_NOTICE_POSTPONED
 * @param why without secrets; NULL where it was delivered
 */
apr_status_t amlaps_trail_end_notice(amlaps_error_t *error, amlaps_trail_t *trail, const amlaps_notice_t *notice, amlaps_notice_end_t end,
                                     apr_interval_time_t again, const char *why);

/** How a channel stands, for operators. */
typedef struct amlaps_channel_standing_t {
    apr_int64_t queued, dead;      /* notifications that wait, and dead letters */
    apr_time_t oldest;             /* when the oldest that waits was queued; 0: none waits */
    apr_time_t delivered, failed;  /* the last time of each; 0: never */
    const char *why;               /* of the last failure; NULL: none */
} amlaps_channel_standing_t;

apr_status_t amlaps_trail_channel(amlaps_channel_standing_t *standing, amlaps_error_t *error, amlaps_trail_t *trail, const char *channel,
                                  apr_pool_t *pool);

/** Makes dead letters of what waits for channels that nobody has, and removes old ones. Once an hour is enough. */
apr_status_t amlaps_trail_tidy(amlaps_error_t *error, amlaps_trail_t *trail);

/* ---- reading, for amlaps-audit and for auditors ---- */

typedef struct amlaps_verify_t {
    apr_int64_t records;           /* good ones */
    apr_int64_t first_bad;         /* sequence number that it has or should have, 0: none */
    char problem[160];             /* what is wrong with it */
    apr_int64_t last;              /* sequence number of the last good record, 0: none */
    char head[65];                 /* its hash; 64 zeros: none */
    int sealed;                    /* 1: the last record is sealed */
    apr_int64_t recovered;         /* the last record that tells of a recovery, 0: none */
    apr_int64_t exported;          /* records up to this one were exported and are not here, 0: none */
    char before[65];               /* hash of that one, "": none */
    apr_int64_t anchored;          /* the last record that was compared with the anchor file, 0: none */
    /* Of a part whose time was over before its first record: how far the search for the record of an export has come; 0: it is over */
    apr_int64_t seam, seam_first;
} amlaps_verify_t;

/** Verification keys, as amlaps-audit init and recover print them. */
typedef struct amlaps_keys_t amlaps_keys_t;
amlaps_keys_t *amlaps_keys_make(apr_pool_t *pool);
/** @param text "amlaps-key:FIRST:64 hexadecimal digits" @return NULL, or what is wrong with it */
const char *amlaps_keys_add(amlaps_keys_t *keys, const char *text);

/** What the records are compared with besides each other; members may be NULL. */
typedef struct amlaps_verify_with_t {
    const amlaps_keys_t *keys;
    const char *anchors;           /* path of a copy that AMLapsAuditLog wrote, kept out of reach of who could change the store */
    const char *state;             /* path of the sealing state */
    const char *after;             /* for files: the hash of the record before the first one */
} amlaps_verify_with_t;

/**
 * Checks the trail from the first record to the head: contiguous, hashes and seals right, no field out of form, and like what it is compared
 * with. Where earlier records were exported and removed, a later record must tell of it. Reads page by page, while httpd writes.
 * @param with NULL: nothing but the records themselves
 */
apr_status_t amlaps_trail_verify(amlaps_verify_t *result, amlaps_error_t *error, const char *store, const amlaps_verify_with_t *with,
                                 apr_pool_t *pool);

/**
 * Goes on verifying where `result` ended, for at most `patience`, so that nobody waits for all of a long trail at once.
 * @param result in and out: last, head and records, or seam and seam_first, say where the part before ended; all zero: the beginning
 * @param more set to 1 where time was over before the head was reached and all so far is good
 */
apr_status_t amlaps_trail_verify_part(amlaps_verify_t *result, int *more, amlaps_error_t *error, const char *store,
                                      apr_interval_time_t patience, apr_pool_t *pool);

/** The same for a file of JSON lines, an export or a copy of AMLapsAuditLog. One without any record is an error: it proves nothing. */
apr_status_t amlaps_trail_verify_file(amlaps_verify_t *result, amlaps_error_t *error, const char *path, const amlaps_verify_with_t *with,
                                      apr_pool_t *pool);

/** Hands every record's JSON line to `line` in order, with its anchor where it is sealed, until it returns 0. */
apr_status_t amlaps_trail_each(amlaps_error_t *error, const char *store, int (*line)(void *baton, apr_int64_t seq, const char *json),
                               void *baton, apr_pool_t *pool);

/** Which records an auditor asks for; NULL and 0: any. */
typedef struct amlaps_filter_t {
    const char *actor;             /* a person's user name, object id, subject or display name; letter case does not matter */
    const char *device;            /* a device's id or name; letter case does not matter */
    const char *event, *outcome;   /* words of the record */
    apr_time_t since, until;       /* since <= time < until */
} amlaps_filter_t;

typedef struct amlaps_find_t {
    amlaps_filter_t filter;
    int newest_first;
    apr_int64_t from;              /* sequence number that the page before gave as `next`; 0: the first page */
    apr_int64_t to;                /* of oldest first: the last to be looked at; 0: the head */
    const char *except_id;         /* records with this id are passed over; NULL: none */
    int anchored;                  /* sealed records with their `anchor`, without which nobody can check them outside of the store */
    apr_size_t most;               /* records on a page, 1 or more */
    apr_interval_time_t patience;  /* a page ends when this is over, with what was found until then */
} amlaps_find_t;

typedef struct amlaps_record_line_t {
    apr_int64_t seq;
    const char *json;              /* as the store has it, which an attacker may have written; with its anchor where that was asked for */
} amlaps_record_line_t;

typedef struct amlaps_records_t {
    apr_array_header_t *lines;     /* amlaps_record_line_t */
    apr_int64_t next;              /* where the next page begins; 0: there is none. A page may be empty and have a next one */
} amlaps_records_t;

/**
 * One page of the records that match, in short transactions. Pages never skip or repeat a record while others are added: they go by
 * sequence numbers.
 */
apr_status_t amlaps_trail_find(amlaps_records_t **records, amlaps_error_t *error, const char *store, const amlaps_find_t *find,
                               apr_pool_t *pool);

/** The sequence number of the last record, 0 where there is none. */
apr_status_t amlaps_trail_last(apr_int64_t *seq, amlaps_error_t *error, const char *store);

/** @return the word's own constant where it is an event or outcome of a record, else NULL */
const char *amlaps_record_known_event(const char *word);
const char *amlaps_record_known_outcome(const char *word);

/** Records as CSV (RFC 4180) that a spreadsheet may open: no cell of it can become a formula. Lines with their end. */
const char *amlaps_trail_csv_head(apr_pool_t *pool);
const char *amlaps_trail_csv_row(apr_int64_t seq, const char *json, apr_pool_t *pool);

#endif
