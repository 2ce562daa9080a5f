/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "amlaps/graph.h"

static void check(const char *word, const char *login, const char *graph)
{
    const char *login_url = NULL, *graph_url = NULL;

    assert_int_equal(amlaps_graph_cloud(&login_url, &graph_url, word), 1);
    assert_string_equal(login_url, login);
    assert_string_equal(graph_url, graph);
}

static void every_cloud_has_its_pair(void **state)
{
    (void)state;
    check("global", "https://login.microsoftonline.com", "https://graph.microsoft.com");
    check("usgov", "https://login.microsoftonline.us", "https://graph.microsoft.us");
    check("usgov-dod", "https://login.microsoftonline.us", "https://dod-graph.microsoft.us");
    check("china", "https://login.partner.microsoftonline.cn", "https://microsoftgraph.chinacloudapi.cn");
    check("bleu", "https://login.sovcloud-identity.fr", "https://graph.svc.sovcloud.fr");
    check("delos", "https://login.sovcloud-identity.de", "https://graph.svc.sovcloud.de");
    check("govsg", "https://login.sovcloud-identity.sg", "https://graph.svc.sovcloud.sg");
}

static void another_word_gets_the_list(void **state)
{
    const char *login_url, *graph_url;
    const char *const words[] = {"", "Global", "azure", NULL};

    (void)state;
    for (int i = 0; i < 4; i++) {
        assert_int_equal(amlaps_graph_cloud(&login_url, &graph_url, words[i]), 0);
        assert_null(graph_url);
        assert_non_null(strstr(login_url, "usgov-dod"));
        assert_non_null(strstr(login_url, "govsg"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_cloud_has_its_pair),
                                       cmocka_unit_test(another_word_gets_the_list)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
