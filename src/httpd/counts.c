/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "counts.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ap_mpm.h>
#include <apr_strings.h>
#include <http_config.h>
#include <sys/mman.h>

#include "amlaps/digest.h"

/* Where the MPM does not say how many children there can be. */
#define CHILDREN 256

/* Of every channel since httpd started, and of its queue in every store: children of the generation before still count. */
typedef struct kept_t {
    struct kept_t *next;
    void *meter; /* shared */
    char key[];
} kept_t;

static amlaps_counts_t *counts;
static kept_t **channels, **queues;
static amlaps_child_slot_t *own;

const char *amlaps_endpoint_word(amlaps_endpoint_t endpoint)
{
    static const char *const words[AMLAPS_ENDPOINTS] = {
        [AMLAPS_ENDPOINT_OTHER] = "other",       [AMLAPS_ENDPOINT_PAGE] = "page",       [AMLAPS_ENDPOINT_SESSION] = "session",
        [AMLAPS_ENDPOINT_SEARCH] = "search",     [AMLAPS_ENDPOINT_DEVICE] = "device",   [AMLAPS_ENDPOINT_PASSWORD] = "password",
        [AMLAPS_ENDPOINT_HISTORY] = "history",   [AMLAPS_ENDPOINT_EXPLAIN] = "explain", [AMLAPS_ENDPOINT_AUDIT] = "audit",
        [AMLAPS_ENDPOINT_STATUS] = "status",
    };

    return words[endpoint];
}

int amlaps_counts_keep(void)
{
    /* Another build that is loaded by a reload may count other things, and begins anew, as with the memory of the trail. */
    char key[64];
    amlaps_counts_t **kept;
    int slots = 0;

    apr_snprintf(key, sizeof(key), "mod_amlaps: counts of %" APR_SIZE_T_FMT " bytes", sizeof(*counts));
    if (!(kept = ap_retained_data_get(key))) {
        kept = ap_retained_data_create(key, sizeof(*kept));
    }
    if (!*kept) {
        if (ap_mpm_query(AP_MPMQ_HARD_LIMIT_DAEMONS, &slots) != APR_SUCCESS || slots <= 0) {
            slots = CHILDREN;
        }
        /* Children of the generation before go on while those of the next begin. */
        slots *= 2;
        *kept = mmap(NULL, sizeof(**kept) + (apr_size_t)slots * sizeof((*kept)->slot[0]), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                     -1, 0);
        if (*kept == MAP_FAILED) {
            *kept = NULL;
            return 0;
        }
        (*kept)->slots = slots;
    }
    counts = *kept;
    atomic_store(&counts->configured, apr_time_sec(apr_time_now()));
    return 1;
}

/* The list outlives the module's pools, and is read by children, which inherit it. */
static kept_t *add(kept_t **list, const char *key, size_t size)
{
    kept_t *kept = malloc(sizeof(*kept) + strlen(key) + 1);
    void *meter = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (!kept || meter == MAP_FAILED) {
        free(kept);
        return NULL;
    }
    kept->meter = meter;
    memcpy(kept->key, key, strlen(key) + 1);
    kept->next = *list;
    *list = kept;
    return kept;
}

static void *meter_of(kept_t ***list, const char *list_key, const char *key, size_t size)
{
    kept_t *kept;

    if (!*list && !(*list = ap_retained_data_get(list_key))) {
        *list = ap_retained_data_create(list_key, sizeof(**list));
    }
    for (kept = **list; kept && strcmp(kept->key, key); kept = kept->next) {
    }
    kept = kept ? kept : add(*list, key, size);
    return kept ? kept->meter : NULL;
}

amlaps_channel_meter_t *amlaps_counts_channel(const char *name)
{
    return meter_of(&channels, "mod_amlaps: channels", name, sizeof(amlaps_channel_meter_t));
}

amlaps_queue_meter_t *amlaps_counts_queue(const char *name, const char *store)
{
    const amlaps_piece_t pieces[] = { { name, strlen(name) + 1 }, { store, strlen(store) } };
    char key[AMLAPS_DIGEST_HEX + 1];

    amlaps_digest_text(key, pieces, 2);
    return meter_of(&queues, "mod_amlaps: queues", key, sizeof(amlaps_queue_meter_t));
}

amlaps_deliveries_t amlaps_counts_deliveries(void)
{
    amlaps_deliveries_t deliveries = { 0 };
    const kept_t *channel;

    for (channel = channels ? *channels : NULL; channel; channel = channel->next) {
        const amlaps_channel_meter_t *meter = channel->meter;

        deliveries.delivered += amlaps_count_read(&meter->delivered);
        deliveries.failed += amlaps_count_read(&meter->failed);
    }
    return deliveries;
}

amlaps_counts_t *amlaps_counts(void)
{
    return counts;
}

static int is_alive(int pid)
{
    return pid && (!kill(pid, 0) || errno != ESRCH);
}

static apr_status_t leave(void *baton)
{
    amlaps_child_slot_t *slot = baton;

    atomic_store(&slot->pid, 0);
    return APR_SUCCESS;
}

/* A child that died kept its slot; the next one takes it over. */
void amlaps_counts_enter(apr_pool_t *pchild)
{
    int i;

    for (i = 0; counts && i < counts->slots && !own; i++) {
        amlaps_child_slot_t *slot = &counts->slot[i];
        int pid = atomic_load(&slot->pid);

        if (!is_alive(pid) && atomic_compare_exchange_strong(&slot->pid, &pid, (int)getpid())) {
            atomic_store(&slot->asking, 0);
            apr_pool_cleanup_register(pchild, slot, leave, apr_pool_cleanup_null);
            own = slot;
        }
    }
}

_Atomic int *amlaps_counts_own_asking(void)
{
    return own ? &own->asking : NULL;
}

int amlaps_counts_asking(const amlaps_counts_t *all)
{
    int asking = 0, i;

    for (i = 0; i < all->slots; i++) {
        if (is_alive(atomic_load(&all->slot[i].pid))) {
            asking += atomic_load(&all->slot[i].asking);
        }
    }
    return asking;
}

void amlaps_counts_begin(amlaps_tally_t *tally, amlaps_endpoint_t endpoint)
{
    tally->endpoint = endpoint;
    tally->code = AMLAPS_OK;
    tally->start = amlaps_clock_steady(amlaps_clock_system());
}

void amlaps_counts_end(const amlaps_tally_t *tally)
{
    if (counts) {
        amlaps_count_add(&counts->requests[tally->endpoint][tally->code]);
        amlaps_histogram_add(&counts->took[tally->endpoint], amlaps_clock_steady(amlaps_clock_system()) - tally->start);
    }
}

amlaps_reveals_t amlaps_counts_reveals(const amlaps_counts_t *all, amlaps_endpoint_t endpoint)
{
    amlaps_reveals_t reveals = { 0 };
    int code;

    for (code = 0; code < AMLAPS_CODES; code++) {
        apr_uint64_t count = amlaps_count_read(&all->requests[endpoint][code]);

        switch (code) {
        case AMLAPS_OK:
            reveals.granted += count;
            break;
        case AMLAPS_NOT_AUTHORIZED:
        case AMLAPS_REASON_REQUIRED:
        case AMLAPS_REASON_INVALID:
        case AMLAPS_RATE_LIMITED:
        case AMLAPS_POLICY_UNDECIDABLE:
            reveals.denied += count;
            break;
        case AMLAPS_BAD_REQUEST:
        case AMLAPS_CROSS_SITE:
        case AMLAPS_METHOD_NOT_ALLOWED:
        case AMLAPS_NOT_AUTHENTICATED:
        case AMLAPS_NOT_FOUND:
            /* Nobody asked for a password of a device in a way that could have got one. */
            break;
        default:
            reveals.failed += count;
        }
    }
    return reveals;
}
