/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <string.h>

#include "../../src/graph/base64url.h"
#include "../../src/graph/token_claims.h"
#include "graph_fake.h"

static amlaps_token_claims_t claims;

static const amlaps_secret_t *token_of(fake_t *fake, const char *payload)
{
    amlaps_secret_t *token = amlaps_secret_make(256, fake->pool);

    amlaps_secret_append(token, "e30.", 4);
    amlaps_base64url_append(token, payload, strlen(payload));
    amlaps_secret_append(token, ".sig", 4);
    return token;
}

static void judge(fake_t *fake, const char *roles, amlaps_groups_from_t from)
{
    amlaps_token_claims(&claims, token_of(fake, apr_pstrcat(fake->pool, "{\"aud\":\"g\",\"roles\":[", roles, "]}", NULL)), from, fake->pool);
    assert_int_equal(claims.readable, 1);
}

static void what_is_missing_and_what_is_too_much(void **state)
{
    fake_t *fake = *state;

    judge(fake, "\"Device.Read.All\",\"DeviceLocalCredential.Read.All\"", AMLAPS_GROUPS_FROM_TOKEN);
    assert_string_equal(claims.missing, "");
    assert_string_equal(claims.excess, "");
    judge(fake, "", AMLAPS_GROUPS_FROM_TOKEN);
    assert_string_equal(claims.missing, "DeviceLocalCredential.Read.All, Device.Read.All");
    judge(fake, "\"Directory.Read.All\",\"DeviceLocalCredential.Read.All\",5", AMLAPS_GROUPS_FROM_GRAPH);
    assert_string_equal(claims.missing, "");
    assert_string_equal(claims.excess, "Directory.Read.All");
    judge(fake, "\"Device.Read.All\",\"DeviceLocalCredential.Read.All\"", AMLAPS_GROUPS_FROM_GRAPH);
    assert_string_equal(claims.missing, "GroupMember.Read.All, User.ReadBasic.All");
    judge(fake, "\"Device.Read.All\",\"DeviceLocalCredential.Read.All\",\"GroupMember.Read.All\",\"User.ReadBasic.All\"", AMLAPS_GROUPS_FROM_TOKEN);
    assert_string_equal(claims.excess, "");
}

static void long_lists_are_cut(void **state)
{
    fake_t *fake = *state;
    const char *roles = "\"A\"";

    for (int i = 0; i < 100; i++) {
        roles = apr_psprintf(fake->pool, "%s,\"Some.Permission.%d\"", roles, i);
    }
    judge(fake, roles, AMLAPS_GROUPS_FROM_TOKEN);
    assert_true(strlen(claims.excess) < AMLAPS_PERMISSIONS_MOST);
}

static void what_cannot_be_read_says_nothing(void **state)
{
    fake_t *fake = *state;
    const char *const payloads[] = {"", "{", "[]", "5", "{}", "{\"roles\":[]}", "{\"aud\":\"x\",\"aud\":\"y\"}"};
    amlaps_secret_t *opaque = amlaps_secret_make(64, fake->pool);

    for (size_t i = 0; i < sizeof payloads / sizeof *payloads; i++) {
        amlaps_token_claims(&claims, token_of(fake, payloads[i]), AMLAPS_GROUPS_FROM_TOKEN, fake->pool);
        assert_int_equal(claims.readable, 0);
        assert_string_equal(claims.missing, "");
    }
    amlaps_secret_append(opaque, "x.*.y", 5);
    amlaps_token_claims(&claims, opaque, AMLAPS_GROUPS_FROM_TOKEN, fake->pool);
    assert_int_equal(claims.readable, 0);
}

/* RFC 4648, section 10, without its padding; and what is none. */
static void base64url_of_the_rfc(void **state)
{
    static const struct {
        const char *plain, *text;
    } rows[] = {{"", ""}, {"f", "Zg"}, {"fo", "Zm8"}, {"foo", "Zm9v"}, {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"\xFB\xFF", "-_8"}};
    fake_t *fake = *state;
    char back[16];

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        amlaps_secret_t *text = amlaps_secret_make(16, fake->pool);
        assert_int_equal(amlaps_base64url_append(text, rows[i].plain, strlen(rows[i].plain)), APR_SUCCESS);
        assert_int_equal(text->length, strlen(rows[i].text));
        assert_memory_equal(text->bytes, rows[i].text, text->length);
        assert_int_equal(amlaps_base64url_decode(back, rows[i].text, strlen(rows[i].text)), strlen(rows[i].plain));
        assert_memory_equal(back, rows[i].plain, strlen(rows[i].plain));
    }
    assert_int_equal(amlaps_base64url_decode(back, "Zg==", 4), -1);
    assert_int_equal(amlaps_base64url_decode(back, "Z", 1), -1);
    assert_int_equal(amlaps_base64url_decode(back, "Zm+v", 4), -1);
    assert_int_equal(amlaps_base64url_decode(back, "Zm\0v", 4), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fake_test(what_is_missing_and_what_is_too_much),
        fake_test(long_lists_are_cut),
        fake_test(what_cannot_be_read_says_nothing),
        fake_test(base64url_of_the_rfc),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
