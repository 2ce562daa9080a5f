/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include <string.h>

#include "amlaps/graph.h"

/*
 * Microsoft's national clouds. A token of one is useless in another, so login and Graph always come in pairs. China's login
 * host has two names; this is the one that Entra's own documentation gives.
 */
static const struct {
    const char *word, *login_url, *graph_url;
} clouds[] = {
    {"global", "https://login.microsoftonline.com", "https://graph.microsoft.com"},
    {"usgov", "https://login.microsoftonline.us", "https://graph.microsoft.us"},
    {"usgov-dod", "https://login.microsoftonline.us", "https://dod-graph.microsoft.us"},
    {"china", "https://login.partner.microsoftonline.cn", "https://microsoftgraph.chinacloudapi.cn"},
    {"bleu", "https://login.sovcloud-identity.fr", "https://graph.svc.sovcloud.fr"},
    {"delos", "https://login.sovcloud-identity.de", "https://graph.svc.sovcloud.de"},
    {"govsg", "https://login.sovcloud-identity.sg", "https://graph.svc.sovcloud.sg"},
};

int amlaps_graph_cloud(const char **login_url, const char **graph_url, const char *word)
{
    for (size_t i = 0; word && i < sizeof clouds / sizeof *clouds; i++) {
        if (strcmp(clouds[i].word, word) == 0) {
            *login_url = clouds[i].login_url;
            *graph_url = clouds[i].graph_url;
            return 1;
        }
    }
    *login_url = "global, usgov, usgov-dod, china, bleu, delos, govsg";
    *graph_url = NULL;
    return 0;
}
