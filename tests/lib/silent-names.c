/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Loaded before libc: servers of names that never answer for names below silent.test. */
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

typedef int (*lookup_t)(const char *, const char *, const struct addrinfo *, struct addrinfo **);

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result)
{
    const lookup_t lookup = (lookup_t)dlsym(RTLD_NEXT, "getaddrinfo");

    if (node == NULL || strstr(node, ".silent.test") == NULL) {
        return lookup(node, service, hints, result);
    }
    sleep(15);
    return EAI_AGAIN;
}
