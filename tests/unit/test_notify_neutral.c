/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "../../src/notify/neutral.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "amlaps/text.h"
#include "test_base_pool.h"

static const char *plain(apr_pool_t *pool, const char *text)
{
    return amlaps_neutral_text(text, AMLAPS_NEUTRAL_PLAIN, 0, pool);
}

static void ordinary_text_stays(void **state)
{
    static const char *const texts[] = { "LON-001", "Gr\xC3\xB6\xC3\x9F" "e 1.2.3", "e.g. this", "INC0012345: printer", "50% (half)", "a.b", "x.", ".x", "3.14",
                                         "http", "C:\\Temp", "it's \"quoted\"", "\xF0\x9F\x96\xA5" };
    apr_pool_t *pool = *state;
    size_t i;

    for (i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        assert_string_equal(plain(pool, texts[i]), texts[i]);
    }
    assert_string_equal(plain(pool, NULL), "");
    assert_string_equal(plain(pool, ""), "");
}

static void one_line_of_bounded_length(void **state)
{
    apr_pool_t *pool = *state;
    char long_text[4096];
    const char *cut;

    assert_string_equal(plain(pool, "a\r\nb\tc\x7f" "d\xC2\x85" "e\xE2\x80\xA8" "f\xE2\x80\xAE" "g"), "a  b c d e f g");
    memset(long_text, 'x', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = '\0';
    cut = plain(pool, long_text);
    assert_int_equal(strlen(cut), AMLAPS_NEUTRAL_MOST + 3);
    assert_string_equal(cut + AMLAPS_NEUTRAL_MOST, "\xE2\x80\xA6");
    long_text[AMLAPS_NEUTRAL_MOST] = '\0';
    assert_string_equal(plain(pool, long_text), long_text);
}

static void addresses_are_taken_apart(void **state)
{
    static const char *const texts[][2] = {
        { "http://evil.example/x", "http[:]//evil[.]example/x" }, { "HTTPS://EVIL", "HTTPS[:]//EVIL" }, { "see www.evil.example", "see www[.]evil[.]example" },
        { "ceo@evil.example", "ceo@evil[.]example" }, { "mailto:x", "mailto[:]x" }, { "TEL:+491234", "TEL[:]+491234" },
        { "\\\\server\\share", "[\\]\\server\\share" }, { "evil\xE3\x80\x82" "example", "evil[.]example" }, { "evil\xEF\xBC\x8E" "example", "evil[.]example" },
        { "\xC3\xBC.de", "\xC3\xBC[.]de" }, { "file:///etc", "file[:]///etc" }
    };
    apr_pool_t *pool = *state;
    size_t i;

    for (i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        assert_string_equal(plain(pool, texts[i][0]), texts[i][1]);
    }
}

static void names_keep_their_dots(void **state)
{
    static const char *const names[] = { "alice@contoso.com", "a.b-c_d'e@mail.contoso.co.uk", "10.1.2.3", "2001:db8::1" };
    apr_pool_t *pool = *state;
    size_t i;

    for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
        assert_string_equal(amlaps_neutral_text(names[i], AMLAPS_NEUTRAL_PLAIN, 1, pool), names[i]);
    }
    /* What only looks like one is text as any other. */
    assert_string_equal(amlaps_neutral_text("click evil.example", AMLAPS_NEUTRAL_PLAIN, 1, pool), "click evil[.]example");
    /* Not all user names have an @, and what looks like the digits of an address may be a host. */
    assert_string_equal(amlaps_neutral_text("abc.de", AMLAPS_NEUTRAL_PLAIN, 1, pool), "abc[.]de");
    assert_string_equal(amlaps_neutral_text("bad.cafe:443", AMLAPS_NEUTRAL_MARKUP, 1, pool), "bad\xEF\xBC\xBB.\xEF\xBC\xBD" "cafe:443");
    assert_string_equal(amlaps_neutral_text("a@b.example/x", AMLAPS_NEUTRAL_PLAIN, 1, pool), "a@b[.]example/x");
    assert_string_equal(amlaps_neutral_text("x_evil.example#EXT#@contoso.com", AMLAPS_NEUTRAL_PLAIN, 1, pool), "x_evil[.]example#EXT#@contoso[.]com");
}

static void slack_gets_entities(void **state)
{
    apr_pool_t *pool = *state;

    assert_string_equal(amlaps_neutral_text("<!channel> & <@U1>", AMLAPS_NEUTRAL_SLACK, 0, pool), "&lt;!channel&gt; &amp; &lt;@U1&gt;");
}

/** Slack takes no field of more than 2000 characters, and none of the message with it. */
static void slack_can_take_what_is_longest(void **state)
{
    static const char *const letters[] = { "&", "<", ">", "\\", "://", "a.bb", "x&" };
    apr_pool_t *pool = *state;
    size_t i;

    for (i = 0; i < sizeof(letters) / sizeof(*letters); i++) {
        const char *text = letters[i];

        while (strlen(text) < 4 * AMLAPS_NEUTRAL_MOST) {
            text = apr_pstrcat(pool, text, text, NULL);
        }
        assert_in_range(strlen(amlaps_neutral_text(text, AMLAPS_NEUTRAL_SLACK, 0, pool)), AMLAPS_NEUTRAL_MOST - 4, 1900);
    }
    assert_string_equal(amlaps_neutral_text("R&D", AMLAPS_NEUTRAL_SLACK, 0, pool), "R&amp;D");
}

static void markup_becomes_wide(void **state)
{
    apr_pool_t *pool = *state;

    assert_string_equal(amlaps_neutral_text("*b* <at>", AMLAPS_NEUTRAL_MARKUP, 0, pool),
                        "\xEF\xBC\x8A" "b" "\xEF\xBC\x8A" " " "\xEF\xBC\x9C" "at" "\xEF\xBC\x9E");
    assert_string_equal(amlaps_neutral_text("- x", AMLAPS_NEUTRAL_MARKUP, 0, pool), "\xEF\xBC\x8D x");
    assert_string_equal(amlaps_neutral_text("12. x", AMLAPS_NEUTRAL_MARKUP, 0, pool), "12\xEF\xBC\x8E x");
    assert_string_equal(amlaps_neutral_text("LON-001", AMLAPS_NEUTRAL_MARKUP, 0, pool), "LON-001");
}

static const char *hostile(apr_pool_t *pool)
{
    static const char *const parts[] = { "<!channel>", "<!here>", "@here", "@channel", "<@U024BE7LH>", "<#C1>", "<https://evil.example|x>", "[x](http://evil.example)",
                                         "<at>All</at>", "*", "_", "~", "`", "```", "&lt;", "&", "\r\n", ".", "\n.\n", "MAIL FROM:", "Bcc: x@evil.example", "\"}]}",
                                         "\\", "\\\\evil\\x", "www.evil.example", "evil.example", "mailto:x@evil.example", "\xE2\x80\xAE", "\xC2\x85", " ", "a", "\xC3\xA9",
                                         "# x", "- x", "1. x", "> x", "![x](y)", "|", "://", ":" };
    const char *text = "";
    int count = rand() % 12;

    while (count-- > 0) {
        text = apr_pstrcat(pool, text, parts[rand() % (int)(sizeof(parts) / sizeof(*parts))], NULL);
    }
    return text;
}

static void is_harmless(const char *text, const char *made, amlaps_neutral_t how)
{
    static const char *const never[] = { "://", "evil.example", "www.", "mailto:" };
    size_t i;

    assert_true(amlaps_text_is_utf8(made, strlen(made)));
    assert_false(amlaps_text_has_controls(made));
    for (i = 0; i < sizeof(never) / sizeof(*never); i++) {
        if (strstr(made, never[i]) != NULL) {
            fail_msg("'%s' became '%s'", text, made);
        }
    }
    if (how != AMLAPS_NEUTRAL_PLAIN) {
        assert_null(strpbrk(made, "<>"));
    }
    if (how == AMLAPS_NEUTRAL_MARKUP && strpbrk(made, "&<>*_~`[]()#@!|\\") != NULL) {
        fail_msg("'%s' became '%s'", text, made);
    }
}

static void hostile_text_is_harmless(void **state)
{
    apr_pool_t *pool;
    int i;

    srand(20261126);
    assert_int_equal(apr_pool_create(&pool, *state), APR_SUCCESS);
    for (i = 0; i < 20000; i++) {
        const char *text = hostile(pool);
        int how, is_name;

        for (how = AMLAPS_NEUTRAL_PLAIN; how <= AMLAPS_NEUTRAL_MARKUP; how++) {
            for (is_name = 0; is_name < 2; is_name++) {
                /* As a name only what has the form of one keeps its dots, and nothing hostile has it but a lone domain behind an at sign. */
                if (!is_name || strchr(text, '@') == NULL) {
                    is_harmless(text, amlaps_neutral_text(text, (amlaps_neutral_t)how, is_name, pool), (amlaps_neutral_t)how);
                }
            }
        }
        apr_pool_clear(pool);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        pool_test(ordinary_text_stays), pool_test(one_line_of_bounded_length), pool_test(addresses_are_taken_apart), pool_test(names_keep_their_dots), pool_test(slack_gets_entities), pool_test(slack_can_take_what_is_longest),
        pool_test(markup_becomes_wide), pool_test(hostile_text_is_harmless)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
