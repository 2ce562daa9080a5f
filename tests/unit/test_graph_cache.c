/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <pthread.h>
#include <string.h>

#include "../../src/graph/cache.h"
#include "../../src/graph/facts.h"
#include "graph_fake.h"

static amlaps_cache_t *open_cache(fake_t *fake, int seconds, apr_size_t entries, apr_size_t bytes)
{
    amlaps_cache_t *cache = NULL;

    assert_int_equal(amlaps_cache_open(&cache, apr_time_from_sec(seconds), entries, bytes, &fake->clock, fake->pool),
                     APR_SUCCESS);
    return cache;
}

static const char *get(fake_t *fake, amlaps_cache_t *cache, const char *tenant, const char *id)
{
    apr_size_t length = 0;
    const char *bytes = amlaps_cache_get(&length, cache, tenant, id, fake->pool);

    return bytes ? apr_pstrmemdup(fake->pool, bytes, length) : NULL;
}

static void put(amlaps_cache_t *cache, const char *tenant, const char *id, const char *text)
{
    amlaps_cache_put(cache, tenant, id, text, strlen(text));
}

static void entries_are_fresh_for_a_while(void **state)
{
    fake_t *fake = *state;
    amlaps_cache_t *cache = open_cache(fake, 60, 10, 100000);

    put(cache, "t", "a", "one");
    fake_advance(fake, apr_time_from_sec(30));
    put(cache, "t", "b", "two");
    put(cache, "t", "b", "three");
    fake_advance(fake, apr_time_from_sec(29));
    assert_string_equal(get(fake, cache, "t", "a"), "one");
    fake_advance(fake, apr_time_from_sec(1)); /* reading has not made it younger */
    assert_null(get(fake, cache, "t", "a"));
    assert_string_equal(get(fake, cache, "t", "b"), "three");
}

static void tenants_do_not_mix(void **state)
{
    fake_t *fake = *state;
    amlaps_cache_t *cache = open_cache(fake, 60, 10, 100000);

    put(cache, "contoso", "a", "one");
    assert_null(get(fake, cache, "fabrikam", "a"));
    assert_null(get(fake, cache, "contos", "oa"));
    put(cache, "fabrikam", "a", "two");
    assert_string_equal(get(fake, cache, "contoso", "a"), "one");
}

static void the_least_recently_used_goes(void **state)
{
    fake_t *fake = *state;
    amlaps_cache_t *cache = open_cache(fake, 60, 3, 100000);

    put(cache, "t", "a", "1");
    put(cache, "t", "b", "2");
    put(cache, "t", "c", "3");
    assert_non_null(get(fake, cache, "t", "a"));
    put(cache, "t", "d", "4");
    assert_null(get(fake, cache, "t", "b"));
    assert_non_null(get(fake, cache, "t", "a"));
    assert_non_null(get(fake, cache, "t", "c"));
    assert_non_null(get(fake, cache, "t", "d"));
    put(cache, "t", "e", "5");
    put(cache, "t", "f", "6");
    put(cache, "t", "g", "7");
    assert_null(get(fake, cache, "t", "a")); /* having been used once does not keep it for ever */
    assert_null(get(fake, cache, "t", "d"));
}

static void bytes_are_bounded(void **state)
{
    fake_t *fake = *state;
    amlaps_cache_t *cache = open_cache(fake, 60, 1000, 8192);
    char *large = apr_pcalloc(fake->pool, 2049);
    int kept = 0;

    memset(large, 'x', 1000);
    for (int i = 0; i < 50; i++) {
        put(cache, "t", apr_itoa(fake->pool, i), large);
    }
    for (int i = 0; i < 50; i++) {
        kept += get(fake, cache, "t", apr_itoa(fake->pool, i)) != NULL;
    }
    assert_in_range(kept, 4, 8);
    assert_non_null(get(fake, cache, "t", "49"));
    memset(large, 'x', 2048); /* one that would push out everything else is not kept */
    put(cache, "t", "huge", large);
    assert_null(get(fake, cache, "t", "huge"));
    assert_non_null(get(fake, cache, "t", "49"));
}

static void zero_keeps_nothing(void **state)
{
    fake_t *fake = *state;
    amlaps_cache_t *cache = open_cache(fake, 0, 10, 100000);

    put(cache, "t", "a", "1");
    assert_null(get(fake, cache, "t", "a"));
}

static void many_entries_are_all_found(void **state)
{
    fake_t *fake = *state;
    amlaps_cache_t *cache = open_cache(fake, 60, 10000, (apr_size_t)32 << 20);

    for (int i = 0; i < 12000; i++) {
        put(cache, "t", apr_itoa(fake->pool, i), apr_itoa(fake->pool, i));
    }
    for (int i = 0; i < 2000; i++) {
        assert_null(get(fake, cache, "t", apr_itoa(fake->pool, i)));
    }
    for (int i = 2000; i < 12000; i++) {
        assert_string_equal(get(fake, cache, "t", apr_itoa(fake->pool, i)), apr_itoa(fake->pool, i));
    }
}

static void facts_come_back_as_they_went_in(void **state)
{
    fake_t *fake = *state;
    const amlaps_graph_device_t device = {.tenant = "contoso",
                                          .object_id = FAKE_OBJECT,
                                          .device_id = FAKE_DEVICE,
                                          .name = "",
                                          .os = "Windows",
                                          .model = "X",
                                          .enabled = 1,
                                          .compliant = 0,
                                          .managed = -1,
                                          .last_seen = 123456789};
    const char *const groups[] = {FAKE_OBJECT, FAKE_DEVICE}, *const units[] = {FAKE_CLIENT_ID};
    const amlaps_links_t both = {{groups, 2}, {units, 1}}, none = {{NULL, 0}, {NULL, 0}}, *kept;
    const amlaps_graph_device_t *copy;

    assert_int_equal(amlaps_facts_get_device(&copy, fake->graph, "contoso", FAKE_DEVICE, fake->pool), 0);
    amlaps_facts_put_device(fake->graph, &device);
    assert_int_equal(amlaps_facts_get_device(&copy, fake->graph, "contoso", FAKE_DEVICE, fake->pool), 1);
    assert_non_null(copy);
    assert_string_equal(copy->tenant, "contoso");
    assert_string_equal(copy->object_id, FAKE_OBJECT);
    assert_string_equal(copy->device_id, FAKE_DEVICE);
    assert_string_equal(copy->name, "");
    assert_string_equal(copy->os, "Windows");
    assert_null(copy->os_version);
    assert_null(copy->join);
    assert_null(copy->manufacturer);
    assert_string_equal(copy->model, "X");
    assert_int_equal(copy->enabled, 1);
    assert_int_equal(copy->compliant, 0);
    assert_int_equal(copy->managed, -1);
    assert_int_equal(copy->last_seen, 123456789);
    amlaps_facts_put_links(fake->graph, "contoso", AMLAPS_LINK_MEMBERSHIPS, "a", &both, fake->pool);
    amlaps_facts_put_links(fake->graph, "contoso", AMLAPS_LINK_MEMBERSHIPS, "b", &none, fake->pool);
    assert_int_equal(amlaps_facts_get_links(&kept, fake->graph, "contoso", AMLAPS_LINK_MEMBERSHIPS, "a", fake->pool), 1);
    assert_int_equal(kept->first.count, 2);
    assert_string_equal(kept->first.ids[1], FAKE_DEVICE);
    assert_int_equal(kept->second.count, 1);
    assert_string_equal(kept->second.ids[0], FAKE_CLIENT_ID);
    assert_int_equal(amlaps_facts_get_links(&kept, fake->graph, "contoso", AMLAPS_LINK_MEMBERSHIPS, "b", fake->pool), 1);
    assert_int_equal(kept->first.count + kept->second.count, 0);
    assert_int_equal(amlaps_facts_get_links(&kept, fake->graph, "contoso", AMLAPS_LINK_OWNERS, "a", fake->pool), 0);
    assert_null(kept);
}

static void what_is_not_there_is_kept_shorter(void **state)
{
    fake_t *fake = *state;
    const amlaps_graph_device_t *copy;
    const amlaps_links_t *links;

    amlaps_facts_put_no_device(fake->graph, "contoso", FAKE_DEVICE);
    amlaps_facts_put_no_links(fake->graph, "contoso", AMLAPS_LINK_GROUPS, "a", fake->pool);
    assert_int_equal(amlaps_facts_get_device(&copy, fake->graph, "contoso", FAKE_DEVICE, fake->pool), 1);
    assert_null(copy);
    assert_int_equal(amlaps_facts_get_links(&links, fake->graph, "contoso", AMLAPS_LINK_GROUPS, "a", fake->pool), 1);
    assert_null(links);
    fake_advance(fake, apr_time_from_sec(10));
    assert_int_equal(amlaps_facts_get_device(&copy, fake->graph, "contoso", FAKE_DEVICE, fake->pool), 0);
    assert_int_equal(amlaps_facts_get_links(&links, fake->graph, "contoso", AMLAPS_LINK_GROUPS, "a", fake->pool), 0);
}

#define THREADS 8
#define ROUNDS 2000

typedef struct hammer_t {
    amlaps_cache_t *cache;
    int number, wrong;
} hammer_t;

static void *hammer(void *data)
{
    hammer_t *self = data;

    for (int i = 0; i < ROUNDS; i++) {
        apr_pool_t *pool;
        apr_size_t length = 0;
        apr_pool_create_unmanaged_ex(&pool, NULL, NULL);
        const char *id = apr_itoa(pool, (i * 7 + self->number) % 50);
        amlaps_cache_put(self->cache, "t", id, id, strlen(id) + 1);
        const char *copy = amlaps_cache_get(&length, self->cache, "t", id, pool);
        self->wrong += copy && strcmp(copy, id) != 0;
        apr_pool_destroy(pool);
    }
    return NULL;
}

static void threads_get_whole_entries(void **state)
{
    fake_t *fake = *state;
    pthread_t threads[THREADS];
    hammer_t hammers[THREADS];
    amlaps_cache_t *cache = open_cache(fake, 60, 20, 100000);

    for (int i = 0; i < THREADS; i++) {
        hammers[i] = (hammer_t){cache, i, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, hammer, &hammers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(hammers[i].wrong, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fake_test(entries_are_fresh_for_a_while),
        fake_test(tenants_do_not_mix),
        fake_test(the_least_recently_used_goes),
        fake_test(bytes_are_bounded),
        fake_test(zero_keeps_nothing),
        fake_test(many_entries_are_all_found),
        fake_test(facts_come_back_as_they_went_in),
        fake_test(what_is_not_there_is_kept_shorter),
        fake_test(threads_get_whole_entries),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
