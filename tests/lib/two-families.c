/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Loaded before libc: the name two-families.test has an address of IPv6 and, behind it, one of IPv4, both of loopback. */
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>

typedef int (*lookup_t)(const char *, const char *, const struct addrinfo *, struct addrinfo **);

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result)
{
    const lookup_t lookup = (lookup_t)dlsym(RTLD_NEXT, "getaddrinfo");
    struct addrinfo *first = NULL, *second = NULL, *last;

    if (node == NULL || strcmp(node, "two-families.test") != 0) {
        return lookup(node, service, hints, result);
    }
    if (hints == NULL || hints->ai_family != AF_INET) {
        lookup("::1", service, hints, &first);
    }
    if (hints == NULL || hints->ai_family != AF_INET6) {
        lookup("127.0.0.1", service, hints, &second);
    }
    for (last = first; last != NULL && last->ai_next != NULL; last = last->ai_next) {
    }
    if (last != NULL) {
        last->ai_next = second;
    }
    *result = first != NULL ? first : second;
    return *result != NULL ? 0 : EAI_NONAME;
}
