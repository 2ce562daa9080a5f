/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "amlaps/text.h"

#include <string.h>

#include "test_base_pool.h"

/* RFC 4648, section 10. */
static const char *const vectors[][2] = {
    {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"},
};

static void vectors_in_both_directions(void **state)
{
    size_t i;

    for (i = 0; i < sizeof(vectors) / sizeof(*vectors); i++) {
        char bytes[16];
        apr_size_t length = 99;

        assert_string_equal(amlaps_text_base64(vectors[i][0], strlen(vectors[i][0]), *state), vectors[i][1]);
        assert_int_equal(amlaps_text_read_base64(bytes, &length, vectors[i][1], strlen(vectors[i][1])), 1);
        assert_int_equal(length, strlen(vectors[i][0]));
        assert_memory_equal(bytes, vectors[i][0], length);
    }
}

static void what_is_none_is_refused(void **state)
{
    static const char *const texts[] = {"Z", "Zg", "Zg=", "Zm9v\n", " Zm9v", "Zm9-", "Zm=v", "====", "Zm9vY", "Zm\0v"};
    char bytes[16];
    apr_size_t length;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        if (amlaps_text_read_base64(bytes, &length, texts[i], i == 9 ? 4 : strlen(texts[i]))) {
            fail_msg("%s", texts[i]);
        }
    }
}

static void loopback_hosts(void **state)
{
    static const char *const here[] = {"localhost", "LOCALHOST", "127.0.0.1", "127.255.3.4", "::1", "[::1]"};
    static const char *const there[] = {"", "localhost.evil.example", "127.0.0.1.evil.example", "127.0.0", "127.0.0.256", "128.0.0.1", "10.0.0.1", "127.1", "127.0.0.1 ", "0.0.0.0"};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(here) / sizeof(*here); i++) {
        assert_true(amlaps_text_is_loopback(here[i]));
    }
    for (i = 0; i < sizeof(there) / sizeof(*there); i++) {
        assert_false(amlaps_text_is_loopback(there[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {pool_test(vectors_in_both_directions), pool_test(what_is_none_is_refused), pool_test(loopback_hosts)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
