/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <errno.h>
#include <string.h>

#include <apr_atomic.h>
#include <apr_strings.h>

#include "amlaps/access.h"
#include "amlaps/digest.h"
#include "amlaps/thread.h"

/*
 * One thread of each child waits to be the one that leads. Whoever leads has a thread for each channel, so that a channel that hangs delays no
 * other. What is queued by other children shows in a number that all share; nothing is asked of the store while nothing is new.
 */

#define TURN apr_time_from_msec(250)
#define DELIVERY apr_time_from_sec(10)
#define STORE_PAUSE apr_time_from_sec(2)
#define IDLE apr_time_from_sec(30)       /* so often the store is asked all the same: other servers may queue there too */
#define CHANNEL_PAUSE apr_time_from_sec(60) /* a channel that is down is tried so often */
#define TIDY apr_time_from_sec(3600)
#define SAY_AGAIN apr_time_from_sec(600)
#define MEASURE apr_time_from_sec(15)    /* a queue that is never empty is counted so often */

typedef struct courier_t {
    amlaps_trail_t *trail;
    const amlaps_notify_t *notify;
    amlaps_queue_meter_t *const *queues;
    const amlaps_clock_t *clock;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    volatile apr_uint32_t stop;  /* this child ends */
    volatile apr_uint32_t leave; /* the channels' threads shall end */
    unsigned news;               /* guarded by the mutex */
    struct carrier_t *carriers;
} courier_t;

typedef struct carrier_t {
    courier_t *courier;
    const amlaps_channel_t *channel;
    amlaps_queue_meter_t *meter;
    pthread_t thread;
    int running;
    int failures;        /* in a row */
    apr_time_t said;     /* steady: when the log was last told of them */
    apr_time_t measured; /* steady: when the queue was last counted */
    int stale;           /* something was taken from it since */
    apr_time_t rest;     /* steady: until then nothing is taken, since the channel failed */
} carrier_t;

static apr_time_t steady(void)
{
    return amlaps_clock_steady(amlaps_clock_system());
}

static unsigned news_of(courier_t *courier)
{
    unsigned news;

    pthread_mutex_lock(&courier->mutex);
    news = courier->news;
    pthread_mutex_unlock(&courier->mutex);
    return news;
}

/** Sleeps until the time is over, the thread shall end, or there is more news than `seen`. @param seen NULL: news wakes nobody */
static void nap(courier_t *courier, apr_interval_time_t time, const unsigned *seen)
{
    const struct timespec until = amlaps_thread_until(time);
    int late = 0;

    pthread_mutex_lock(&courier->mutex);
    while (!late && !apr_atomic_read32(&courier->leave) && (seen == NULL || courier->news == *seen)) {
        late = pthread_cond_timedwait(&courier->wake, &courier->mutex, &until) == ETIMEDOUT;
    }
    pthread_mutex_unlock(&courier->mutex);
}

/* ---- one channel ---- */

static unsigned chance(void)
{
    unsigned number = 0;

    /* Without entropy all wait alike, which is no harm. */
    amlaps_digest_random((unsigned char *)&number, sizeof(number));
    return number;
}

/** Says what came of it until the store takes it, or until somebody else may have taken the notification. */
static void end_notice(carrier_t *carrier, const amlaps_notice_t *notice, amlaps_notice_end_t end, apr_interval_time_t again, const char *why)
{
    courier_t *courier = carrier->courier;
    const apr_time_t until = steady() + DELIVERY;
    amlaps_error_t error = { 0 };

    while (amlaps_trail_end_notice(&error, courier->trail, notice, end, again, why) != APR_SUCCESS && steady() < until
           && !apr_atomic_read32(&courier->stop)) {
        memset(&error, 0, sizeof(error));
        nap(courier, STORE_PAUSE, NULL);
    }
}

static void bury(carrier_t *carrier, const amlaps_notice_t *notice, const char *why, apr_pool_t *pool)
{
    amlaps_log(AMLAPS_LOG_ERROR, "AML0514", APR_SUCCESS, "the notification of %s to channel %s is given up after %d attempts: %s",
               amlaps_notify_id(notice->record, pool), carrier->channel->name, notice->attempts, why);
    end_notice(carrier, notice, AMLAPS_NOTICE_DEAD, 0, why);
}

static void note_success(carrier_t *carrier)
{
    if (carrier->said != 0) {
        amlaps_log(AMLAPS_LOG_NOTICE, "AML0513", APR_SUCCESS, "channel %s takes notifications again", carrier->channel->name);
    }
    carrier->failures = 0;
    carrier->said = 0;
}

static void note_failure(carrier_t *carrier, const char *why)
{
    const apr_time_t now = steady();

    carrier->failures++;
    if (carrier->said == 0 || now - carrier->said >= SAY_AGAIN) {
        carrier->said = now;
        amlaps_log(AMLAPS_LOG_WARNING, "AML0512", APR_SUCCESS, "channel %s was not told: %s; what waits for it stays queued and is tried again",
                   carrier->channel->name, why);
    }
}

static void carry(carrier_t *carrier, const amlaps_notice_t *notice, apr_pool_t *pool)
{
    courier_t *courier = carrier->courier;
    const int old = amlaps_clock_wall(courier->clock) - notice->queued > carrier->channel->give_up;
    amlaps_delivery_t delivery;
    apr_interval_time_t again;

    if (old && (notice->attempts > 1 || carrier->failures > 0)) {
        bury(carrier, notice, notice->why != NULL ? notice->why : "the channel was not to be reached", pool);
        return;
    }
    amlaps_notify_deliver(&delivery, courier->notify, carrier->channel, notice->record, DELIVERY, &courier->leave, pool);
    if (delivery.end == AMLAPS_DELIVERY_DONE) {
        end_notice(carrier, notice, AMLAPS_NOTICE_DELIVERED, 0, NULL);
        note_success(carrier);
        return;
    }
    if (apr_atomic_read32(&courier->leave)) {
        end_notice(carrier, notice, AMLAPS_NOTICE_POSTPONED, 0, delivery.why);
        return;
    }
    note_failure(carrier, delivery.why);
    if (old || delivery.end == AMLAPS_DELIVERY_NEVER) {
        bury(carrier, notice, delivery.why, pool);
    } else {
        end_notice(carrier, notice, AMLAPS_NOTICE_POSTPONED, amlaps_notify_backoff(notice->attempts, delivery.after, chance()), delivery.why);
    }
    again = amlaps_notify_backoff(carrier->failures, 0, chance());
    again = again < CHANNEL_PAUSE ? again : CHANNEL_PAUSE;
    carrier->rest = steady() + (again > delivery.after ? again : delivery.after);
}

/** For the metrics, which then ask nothing of the store: what waits, and what was given up. @param idle nothing is to be delivered now */
static void measure(carrier_t *carrier, int idle, apr_pool_t *pool)
{
    amlaps_queue_meter_t *meter = carrier->meter;
    const apr_time_t now = steady();
    amlaps_channel_standing_t standing;
    amlaps_error_t error = { 0 };

    if (meter == NULL || (now - carrier->measured < MEASURE && !(idle && carrier->stale))) {
        return;
    }
    carrier->measured = now;
    carrier->stale = 0;
    if (amlaps_trail_channel(&standing, &error, carrier->courier->trail, carrier->channel->name, pool) == APR_SUCCESS) {
        atomic_store(&meter->queued, standing.queued);
        atomic_store(&meter->dead, standing.dead);
        atomic_store(&meter->asked, 1);
    }
}

/** Of the time that a channel is left alone, the part until its queue is to be counted again. */
static void rest(carrier_t *carrier, apr_pool_t *pool)
{
    apr_interval_time_t left;

    measure(carrier, 1, pool);
    left = carrier->rest - steady();
    if (left > 0) {
        nap(carrier->courier, left < MEASURE ? left : MEASURE, NULL);
    }
}

static void *run_carrier(void *baton)
{
    carrier_t *carrier = baton;
    courier_t *courier = carrier->courier;
    apr_pool_t *pool;

    if (apr_pool_create_unmanaged_ex(&pool, NULL, NULL) != APR_SUCCESS) {
        return NULL;
    }
    while (!apr_atomic_read32(&courier->leave)) {
        const unsigned seen = news_of(courier);
        amlaps_notice_t *notice;
        apr_interval_time_t wait;
        amlaps_error_t error = { 0 };

        if (carrier->rest > steady()) {
            rest(carrier, pool);
        } else if (amlaps_trail_take_notice(&notice, &wait, &error, courier->trail, carrier->channel->name, pool) != APR_SUCCESS) {
            nap(courier, STORE_PAUSE, NULL);
        } else if (notice != NULL) {
            measure(carrier, 0, pool);
            carrier->stale = 1;
            carry(carrier, notice, pool);
        } else {
            measure(carrier, 1, pool);
            nap(courier, wait > 0 && wait < IDLE ? wait : IDLE, &seen);
        }
        apr_pool_clear(pool);
    }
    apr_pool_destroy(pool);
    return NULL;
}

/* ---- the one that leads ---- */

static void start_carriers(courier_t *courier)
{
    apr_size_t i;

    apr_atomic_set32(&courier->leave, apr_atomic_read32(&courier->stop));
    for (i = 0; i < amlaps_notify_count(courier->notify); i++) {
        carrier_t *carrier = &courier->carriers[i];
        int failed;

        memset(carrier, 0, sizeof(*carrier));
        carrier->courier = courier;
        carrier->channel = amlaps_notify_channel(courier->notify, i);
        carrier->meter = courier->queues[i];
        failed = amlaps_thread_start(&carrier->thread, run_carrier, carrier);
        carrier->running = !failed;
        if (failed) {
            amlaps_log(AMLAPS_LOG_ERROR, "AML0516", APR_FROM_OS_ERROR(failed), "no thread to deliver to channel %s", carrier->channel->name);
        }
    }
}

static void end_carriers(courier_t *courier)
{
    apr_size_t i;

    pthread_mutex_lock(&courier->mutex);
    apr_atomic_set32(&courier->leave, 1);
    pthread_cond_broadcast(&courier->wake);
    pthread_mutex_unlock(&courier->mutex);
    for (i = 0; i < amlaps_notify_count(courier->notify); i++) {
        if (courier->carriers[i].running) {
            pthread_join(courier->carriers[i].thread, NULL);
        }
    }
}

/** Tells the carriers of what all children queue, until the child ends or is of an old generation. */
static void lead(courier_t *courier)
{
    apr_time_t tidied = 0;

    start_carriers(courier);
    while (!apr_atomic_read32(&courier->stop) && !amlaps_trail_is_over(courier->trail)) {
        const unsigned news = amlaps_trail_news(courier->trail);

        pthread_mutex_lock(&courier->mutex);
        if (courier->news != news) {
            courier->news = news;
            pthread_cond_broadcast(&courier->wake);
        }
        pthread_mutex_unlock(&courier->mutex);
        if (tidied == 0 || steady() - tidied > TIDY) {
            amlaps_error_t error = { 0 };

            tidied = steady();
            amlaps_trail_tidy(&error, courier->trail);
        }
        nap(courier, TURN / 2, NULL);
    }
    end_carriers(courier);
}

static void *run_courier(void *baton)
{
    courier_t *courier = baton;

    while (!apr_atomic_read32(&courier->stop) && !amlaps_trail_is_over(courier->trail)) {
        const apr_status_t status = amlaps_trail_lead(courier->trail, TURN);

        if (status == APR_SUCCESS) {
            lead(courier);
            amlaps_trail_follow(courier->trail);
        } else if (status != APR_TIMEUP) {
            nap(courier, STORE_PAUSE, NULL);
        }
    }
    return NULL;
}

static apr_status_t stop_courier(void *baton)
{
    courier_t *courier = baton;

    pthread_mutex_lock(&courier->mutex);
    apr_atomic_set32(&courier->stop, 1);
    apr_atomic_set32(&courier->leave, 1);
    pthread_cond_broadcast(&courier->wake);
    pthread_mutex_unlock(&courier->mutex);
    pthread_join(courier->thread, NULL);
    return APR_SUCCESS;
}

apr_status_t amlaps_access_deliver_in_background(amlaps_trail_t *trail, const amlaps_notify_t *notify,
                                                 amlaps_queue_meter_t *const *queues, const amlaps_clock_t *clock, apr_pool_t *pool)
{
    courier_t *courier = apr_pcalloc(pool, sizeof(*courier));
    int failed;

    courier->trail = trail;
    courier->notify = notify;
    courier->queues = queues;
    courier->clock = clock;
    courier->carriers = apr_pcalloc(pool, amlaps_notify_count(notify) * sizeof(*courier->carriers));
    pthread_mutex_init(&courier->mutex, NULL);
    if ((failed = amlaps_thread_condition(&courier->wake)) != 0) {
        return APR_FROM_OS_ERROR(failed);
    }
    failed = amlaps_thread_start(&courier->thread, run_courier, courier);
    if (failed) {
        return APR_FROM_OS_ERROR(failed);
    }
    apr_pool_cleanup_register(pool, courier, stop_courier, apr_pool_cleanup_null);
    return APR_SUCCESS;
}
