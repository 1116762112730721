/*
 * The time protocol of RFC 868 over UDP, server and client: the server answers any datagram with
 * four bytes, the number of seconds since 1900.
 *
 *     udp-time serve [HOST] PORT      prints the port it listens on, and a line for each client
 *     udp-time ask HOST PORT          asks, again each second, at most five times
 */
#include "command.h"

#include <eddy.h>

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const uint32_t SINCE_1900 = 2208988800u; /* seconds from 1900 to 1970 */

static void print_client(const struct sockaddr *who, socklen_t size)
{
    char host[NI_MAXHOST], port[NI_MAXSERV];

    if (eddy_getnameinfo(who, size, host, sizeof host, port, sizeof port,
                         NI_NUMERICHOST | NI_NUMERICSERV) == 0)
        printf("%s port %s\n", host, port);
}

static int print_port(const eddy_datagram_endpoint *ep)
{
    struct sockaddr_storage here;
    socklen_t size = sizeof here;
    char port[NI_MAXSERV];

    eddy_try(eddy_datagram_endpoint_local_address(ep, (struct sockaddr *)&here, &size));
    eddy_try(eddy_getnameinfo((struct sockaddr *)&here, size, NULL, 0, port, sizeof port,
                              NI_NUMERICSERV));
    printf("%s\n", port);
    return 0;
}

static int serve(eddy_datagram_endpoint *ep)
{
    struct sockaddr_storage who;
    socklen_t size = sizeof who;
    char question[64];
    ssize_t n;

    eddy_try(print_port(ep));
    while ((n = eddy_datagram_endpoint_recv(ep, question, sizeof question, (struct sockaddr *)&who,
                                            &size)) >= 0) {
        uint32_t answer = htonl((uint32_t)time(NULL) + SINCE_1900);

        print_client((struct sockaddr *)&who, size);
        /* A failed answer affects only that client. */
        if (eddy_datagram_endpoint_sendto(ep, &answer, sizeof answer, (struct sockaddr *)&who,
                                          size) == -ECANCELED)
            return -ECANCELED;
        size = sizeof who;
    }
    return (int)n;
}

/* Sends one question, and waits one second for its answer. */
static ssize_t ask_once(eddy_datagram_endpoint *ep, uint32_t *ret_answer)
{
    eddy_timeout tm;
    ssize_t n;

    eddy_timeout_enter(&tm, 1);
    n = eddy_datagram_endpoint_send(ep, "", 0);
    if (n == 0)
        n = eddy_datagram_endpoint_recv(ep, ret_answer, sizeof *ret_answer, NULL, NULL);
    return eddy_timeout_exit(&tm, (int)n);
}

/* Repeats the question, since a datagram may get lost. */
static int ask(eddy_datagram_endpoint *ep)
{
    enum { TRIES = 5 };
    ssize_t n = 0;

    for (int i = 0; i < TRIES; i++) {
        uint32_t answer;

        n = ask_once(ep, &answer);
        if (n == sizeof answer) {
            time_t seconds = (time_t)(ntohl(answer) - SINCE_1900);

            printf("%lld %s", (long long)seconds, ctime(&seconds));
            return 0;
        }
        if (n >= 0)
            return eddy_raise(-EBADMSG, "an answer of %zd bytes", n);
        if (n != -ETIMEDOUT)
            break;
    }
    return (int)n;
}

eddy_async(amain, (int, n_args), (char **, args))
{
    bool serving = strcmp(args[0], "serve") == 0;
    const char *host = n_args == 3 ? args[1] : "0.0.0.0";
    int port = atoi(args[n_args - 1]);
    eddy_datagram_endpoint *ep;
    int rc;

    if (serving)
        eddy_try(eddy_create_datagram_endpoint(&ep, .local_host = host, .local_port = port));
    else
        eddy_try(eddy_create_datagram_endpoint(&ep, .remote_host = host, .remote_port = port));
    rc = serving ? serve(ep) : ask(ep);
    eddy_datagram_endpoint_close(ep);
    return rc;
}

static const char help[] = "usage: udp-time serve [HOST] PORT\n       udp-time ask HOST PORT\n\n"
                           "Answers datagrams with the time, or asks for it.\n";

int main(int argc, char **argv)
{
    bool serving = argc > 1 && strcmp(argv[1], "serve") == 0;

    if (command_is_answered(argc, argv, help))
        return 0;
    if (!(serving && argc == 3) && !(argc == 4 && (serving || strcmp(argv[1], "ask") == 0)))
        return command_refuse(help);
    setvbuf(stdout, NULL, _IOLBF, 0);
    return eddy_main(amain(argc - 1, argv + 1), .sigterm = true);
}
