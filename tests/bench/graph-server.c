/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/*
 * A login host and Graph for measurements, faster than what is measured: HTTP/1.1 on loopback, one thread, every device there with one password.
 * usage: graph-server PORT DELAY_MS. GET /counters answers what was asked so far and how many connections were opened.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define REQUEST_MOST 16384
#define ANSWER_MOST 2048
#define EVENTS 256

typedef struct connection_t {
    int fd;
    size_t length;                 /* of what has arrived */
    size_t answer_length;
    int64_t due;                   /* nanoseconds; 0: no answer waits */
    struct connection_t *next;     /* in the line of those that wait, which is in the order of `due`: the delay is one for all */
    char request[REQUEST_MOST + 1];
    char answer[ANSWER_MOST];
} connection_t;

static int poller;
static int64_t delay;
static connection_t *first_waiting, **last_waiting = &first_waiting;
static long tokens, passwords, devices, others, connections;

static int64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void answer(connection_t *connection, const char *status, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void answer(connection_t *connection, const char *status, const char *format, ...)
{
    char body[ANSWER_MOST - 512];
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vsnprintf(body, sizeof(body), format, arguments);
    va_end(arguments);
    connection->answer_length = (size_t)snprintf(connection->answer, sizeof(connection->answer),
        "HTTP/1.1 %s\r\nContent-Type: application/json\r\nrequest-id: 11111111-2222-3333-4444-555555555555\r\nContent-Length: %d\r\n\r\n%s",
        status, length, body);
}

/** Base64url of the token's claims: {"aud":…,"roles":["Device.Read.All","DeviceLocalCredential.Read.All"]}. */
#define CLAIMS "eyJyb2xlcyI6WyJEZXZpY2UuUmVhZC5BbGwiLCJEZXZpY2VMb2NhbENyZWRlbnRpYWwuUmVhZC5BbGwiXX0"

static void answer_password(connection_t *connection, const char *id)
{
    passwords++;
    answer(connection, "200 OK",
           "{\"@odata.context\":\"https://graph.microsoft.com/v1.0/$metadata#directory/deviceLocalCredentials(credentials)/$entity\","
           "\"id\":\"%.36s\",\"deviceName\":\"LON-001\",\"lastBackupDateTime\":\"2026-11-20T10:00:00Z\",\"refreshDateTime\":\"2026-12-20T10:00:00Z\","
           "\"credentials\":[{\"accountName\":\"Administrator\",\"accountSid\":\"S-1-5-21-1-2-3-500\",\"backupDateTime\":\"2026-11-20T10:00:00Z\","
           "\"passwordBase64\":\"UQB3AGUAcgB0AHoAMQAyADMANAA1ADYANwA4AA==\"}]}", id);
}

static void answer_device(connection_t *connection, const char *id)
{
    devices++;
    answer(connection, "200 OK",
           "{\"id\":\"99999999-0000-4000-8000-000000000001\",\"deviceId\":\"%.36s\",\"displayName\":\"LON-001\",\"operatingSystem\":\"Windows\","
           "\"operatingSystemVersion\":\"10.0.22631\",\"trustType\":\"AzureAd\",\"accountEnabled\":true,\"isCompliant\":true,\"isManaged\":true,"
           "\"approximateLastSignInDateTime\":\"2026-11-20T10:00:00Z\"}", id);
}

static void serve(connection_t *connection, int64_t *due)
{
    static const char credential[] = "/v1.0/directory/deviceLocalCredentials/", device[] = "/v1.0/devices(deviceId='";
    const char *path = strchr(connection->request, ' ');
    const char *place;

    *due = now() + delay;
    path = path != NULL ? path + 1 : "";
    if (strncmp(path, credential, sizeof(credential) - 1) == 0) {
        answer_password(connection, path + sizeof(credential) - 1);
    } else if (strncmp(path, device, sizeof(device) - 1) == 0) {
        answer_device(connection, path + sizeof(device) - 1);
    } else if ((place = strstr(path, "/oauth2/v2.0/token")) != NULL && place < path + 64) {
        tokens++;
        answer(connection, "200 OK", "{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"eyJhbGciOiJub25lIn0." CLAIMS ".c2ln\"}");
    } else if (strncmp(path, "/counters ", 10) == 0) {
        *due = now();
        answer(connection, "200 OK", "{\"tokens\":%ld,\"passwords\":%ld,\"devices\":%ld,\"others\":%ld,\"connections\":%ld}", tokens, passwords,
               devices, others, connections);
    } else {
        others++;
        answer(connection, "404 Not Found", "{\"error\":{\"code\":\"Request_ResourceNotFound\",\"message\":\"nothing here\"}}");
    }
}

static void leave(connection_t *connection)
{
    close(connection->fd);
    connection->fd = -1;
    if (connection->due == 0) {
        free(connection);
    }
}

static void send_answer(connection_t *connection)
{
    connection->due = 0;
    if (connection->fd < 0) {
        free(connection);
    } else if (write(connection->fd, connection->answer, connection->answer_length) != (ssize_t)connection->answer_length) {
        leave(connection);
    }
}

/** @return bytes of the first whole request, 0: it is not whole */
static size_t whole(const connection_t *connection)
{
    const char *end = strstr(connection->request, "\r\n\r\n");
    const char *length = end != NULL ? strcasestr(connection->request, "\r\nContent-Length:") : NULL;
    size_t head = end != NULL ? (size_t)(end - connection->request) + 4 : 0;
    size_t body = length != NULL && length < end ? strtoul(length + 17, NULL, 10) : 0;

    return end != NULL && connection->length >= head + body ? head + body : 0;
}

static void receive(connection_t *connection)
{
    ssize_t bytes = read(connection->fd, connection->request + connection->length, REQUEST_MOST - connection->length);
    size_t length;
    int64_t due;

    if (bytes < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (bytes <= 0) {
        leave(connection);
        return;
    }
    connection->length += (size_t)bytes;
    connection->request[connection->length] = '\0';
    if ((length = whole(connection)) == 0) {
        return;
    }
    serve(connection, &due);
    connection->length -= length;
    memmove(connection->request, connection->request + length, connection->length + 1);
    if (due <= now()) {
        send_answer(connection);
        return;
    }
    connection->due = due;
    connection->next = NULL;
    *last_waiting = connection;
    last_waiting = &connection->next;
}

static void accept_all(int listener)
{
    int fd;

    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        connection_t *connection = calloc(1, sizeof(*connection));
        struct epoll_event event = { .events = EPOLLIN, .data.ptr = connection };
        int yes = 1;

        if (connection == NULL) {
            die("memory");
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
        connection->fd = fd;
        connections++;
        if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) != 0) {
            die("epoll_ctl");
        }
    }
}

/** Exact to the nanosecond, so that what waits for its time costs no processor. @return how long until the next answer is due, NULL where none waits */
static const struct timespec *send_due(struct timespec *left)
{
    int64_t time;

    while (first_waiting != NULL && first_waiting->due <= now()) {
        connection_t *connection = first_waiting;

        first_waiting = connection->next;
        if (first_waiting == NULL) {
            last_waiting = &first_waiting;
        }
        send_answer(connection);
    }
    if (first_waiting == NULL) {
        return NULL;
    }
    time = first_waiting->due - now();
    *left = (struct timespec){ time > 0 ? time / 1000000000 : 0, time > 0 ? time % 1000000000 : 0 };
    return left;
}

static int listen_on(int port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int yes = 1;

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) != 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0
        || listen(fd, 1024) != 0) {
        die("listen");
    }
    return fd;
}

int main(int argc, char **argv)
{
    struct epoll_event events[EVENTS] = { { 0 } };
    int listener;

    if (argc != 3) {
        fprintf(stderr, "usage: graph-server PORT DELAY_MS\n");
        return 2;
    }
    listener = listen_on(atoi(argv[1]));
    delay = (int64_t)atoi(argv[2]) * 1000000;
    poller = epoll_create1(EPOLL_CLOEXEC);
    events[0].events = EPOLLIN;
    if (epoll_ctl(poller, EPOLL_CTL_ADD, listener, &events[0]) != 0) {
        die("epoll_ctl");
    }
    puts("listening");
    fflush(stdout);
    for (;;) {
        struct timespec left;
        int count = epoll_pwait2(poller, events, EVENTS, send_due(&left), NULL);
        int i;

        for (i = 0; i < count; i++) {
            if (events[i].data.ptr == NULL) {
                accept_all(listener);
            } else {
                receive(events[i].data.ptr);
            }
        }
    }
}
