/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "http_fake.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define STEPS 32
#define REQUEST_MOST 16384

struct http_fake_t {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int listener, port, ending;
    pthread_t acceptor;
    pthread_t threads[STEPS];
    int sockets[STEPS];
    int connections;
    struct {
        const char *raw;
        http_then_t then;
    } steps[STEPS];
    int step_count, requests;
    char seen[STEPS][REQUEST_MOST];
    char root[64];
};

typedef struct connection_t {
    http_fake_t *server;
    int number;
} connection_t;

static size_t body_length(const char *text)
{
    const char *found = strcasestr(text, "\r\nContent-Length:");

    return found ? (size_t)strtoul(found + 17, NULL, 10) : 0;
}

/* @return 1 with one whole request in `text`, 0 where the connection ended */
static int read_request(int socket, char text[REQUEST_MOST])
{
    size_t length = 0;

    for (;;) {
        const ssize_t got = recv(socket, text + length, REQUEST_MOST - 1 - length, 0);
        if (got <= 0) {
            return 0;
        }
        length += (size_t)got;
        text[length] = '\0';
        const char *end = strstr(text, "\r\n\r\n");
        if (end && length >= (size_t)(end - text) + 4 + body_length(text)) {
            return 1;
        }
    }
}

static http_then_t answer(http_fake_t *server, int socket, const char *text)
{
    const char *raw = "HTTP/1.1 500 Unscripted\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    http_then_t then = HTTP_CLOSE;

    pthread_mutex_lock(&server->mutex);
    if (server->requests < server->step_count) {
        raw = server->steps[server->requests].raw;
        then = server->steps[server->requests].then;
    }
    if (server->requests < STEPS) {
        strcpy(server->seen[server->requests++], text);
    }
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->mutex);
    for (size_t sent = 0, length = strlen(raw); sent < length;) {
        const ssize_t now = send(socket, raw + sent, length - sent, MSG_NOSIGNAL);
        if (now <= 0) {
            return HTTP_CLOSE;
        }
        sent += (size_t)now;
    }
    return then;
}

static void *serve(void *data)
{
    connection_t *connection = data;
    http_fake_t *server = connection->server;
    const int socket = server->sockets[connection->number];
    const struct linger reset = {1, 0};
    char text[REQUEST_MOST];
    http_then_t then = HTTP_KEEP;

    free(connection);
    while (then == HTTP_KEEP && read_request(socket, text)) {
        then = answer(server, socket, text);
    }
    if (then == HTTP_STALL) {
        pthread_mutex_lock(&server->mutex);
        while (!server->ending) {
            pthread_cond_wait(&server->changed, &server->mutex);
        }
        pthread_mutex_unlock(&server->mutex);
    }
    if (then == HTTP_RESET) {
        setsockopt(socket, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    }
    pthread_mutex_lock(&server->mutex);
    for (int i = 0; i < server->connections; i++) {
        if (server->sockets[i] == socket) {
            server->sockets[i] = -1;
        }
    }
    close(socket);
    pthread_mutex_unlock(&server->mutex);
    return NULL;
}

static void *accept_all(void *data)
{
    http_fake_t *server = data;

    for (;;) {
        const int socket = accept(server->listener, NULL, NULL);
        if (socket < 0) {
            return NULL;
        }
        pthread_mutex_lock(&server->mutex);
        connection_t *connection = malloc(sizeof *connection);
        if (server->ending || server->connections == STEPS || !connection) {
            free(connection);
            close(socket);
        }
        else {
            const int number = server->connections++;
            *connection = (connection_t){server, number};
            server->sockets[number] = socket;
            pthread_create(&server->threads[number], NULL, serve, connection);
        }
        pthread_mutex_unlock(&server->mutex);
    }
}

http_fake_t *http_fake_open(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    http_fake_t *server = calloc(1, sizeof *server);

    pthread_mutex_init(&server->mutex, NULL);
    pthread_cond_init(&server->changed, NULL);
    server->listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(server->listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(server->listener, STEPS) != 0
        || getsockname(server->listener, (struct sockaddr *)&address, &size) != 0) {
        abort();
    }
    server->port = ntohs(address.sin_port);
    snprintf(server->root, sizeof server->root, "http://127.0.0.1:%d", server->port);
    pthread_create(&server->acceptor, NULL, accept_all, server);
    return server;
}

void http_fake_close(http_fake_t *server)
{
    pthread_mutex_lock(&server->mutex);
    server->ending = 1;
    shutdown(server->listener, SHUT_RDWR);
    for (int i = 0; i < server->connections; i++) {
        if (server->sockets[i] >= 0) {
            shutdown(server->sockets[i], SHUT_RDWR);
        }
    }
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->mutex);
    pthread_join(server->acceptor, NULL);
    for (int i = 0; i < server->connections; i++) {
        pthread_join(server->threads[i], NULL);
    }
    close(server->listener);
    pthread_mutex_destroy(&server->mutex);
    pthread_cond_destroy(&server->changed);
    free(server);
}

void http_fake_answers(http_fake_t *server, const char *raw, http_then_t then)
{
    pthread_mutex_lock(&server->mutex);
    if (server->step_count == STEPS) {
        abort();
    }
    server->steps[server->step_count].raw = raw;
    server->steps[server->step_count++].then = then;
    pthread_mutex_unlock(&server->mutex);
}

const char *http_fake_root(const http_fake_t *server)
{
    return server->root;
}

int http_fake_port(const http_fake_t *server)
{
    return server->port;
}

static int locked(http_fake_t *server, const int *number)
{
    pthread_mutex_lock(&server->mutex);
    const int value = *number;
    pthread_mutex_unlock(&server->mutex);
    return value;
}

int http_fake_connections(http_fake_t *server)
{
    return locked(server, &server->connections);
}

int http_fake_requests(http_fake_t *server)
{
    return locked(server, &server->requests);
}

const char *http_fake_request(http_fake_t *server, int number)
{
    return number < http_fake_requests(server) ? server->seen[number] : "";
}

void http_fake_wait(http_fake_t *server, int requests)
{
    pthread_mutex_lock(&server->mutex);
    while (server->requests < requests) {
        pthread_cond_wait(&server->changed, &server->mutex);
    }
    pthread_mutex_unlock(&server->mutex);
}
