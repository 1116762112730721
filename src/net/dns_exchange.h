/*
 * One question to name servers, until one has answered or all have been tried often enough.
 *
 * Servers are asked one after the other, by datagram. The next one is asked when the timeout of
 * the current one expires, and at once when it refuses, fails or is not listening. Sockets of
 * earlier servers stay open, so a late answer still counts. An answer too long for a datagram is
 * fetched over TCP.
 *
 *                 ┌──────────── timeout, refused, failed ───────────┐
 *     start ──► next server ──► datagram ──► answer ──► over     after the last: over
 *                                   └─ truncated ─► TCP ──► answer ──► over
 *
 * The channels of c-ares 1.18 are not used: they accept messages without QR, lose the
 * ECONNREFUSED of one question when another uses the same socket, and cannot cancel a single
 * question.
 */
#ifndef EDDYI_DNS_EXCHANGE_H
#define EDDYI_DNS_EXCHANGE_H

#include "loop/loop.h"
#include "net/dns_config.h"
#include "net/dns_message.h"

struct eddyi_dns_socket;

/* Must not move between _start() and _end(). */
struct eddyi_dns_exchange {
    eddy_loop *loop;
    const struct eddyi_dns_config *config; /* borrowed */
    /* called when the exchange is over; not from _start(), _hurry(), _end() */
    void (*done)(struct eddyi_dns_exchange *e);
    struct eddyi_dns_question question;
    unsigned first;    /* index of the first server */
    unsigned step;     /* servers tried so far, counting repeats */
    unsigned attempts; /* tries charged to the configured attempts */
    bool hurried;
    bool running;
    int error;             /* once it is over: 0 or the code */
    const char *why;       /* static text for @error, or NULL */
    bool server_spoke;     /* a server reported the failure itself */
    bool no_such;          /* NXDOMAIN */
    unsigned char *answer; /* owned; NULL without an answer */
    size_t n_answer;
    struct eddyi_timer timer; /* timeout of the current server */
    struct eddyi_dns_socket *datagrams[EDDYI_DNS_SERVERS_MAX];
    struct eddyi_dns_socket *tcp;
};

/*
 * Asks @config's servers for @name. If e->running is false afterwards, the exchange is over
 * already and @done was not called. Needs _end() in any case.
 */
void eddyi_dns_exchange_start(struct eddyi_dns_exchange *e, eddy_loop *loop,
                              const struct eddyi_dns_config *config, unsigned first,
                              const char *name, int type);

/*
 * Divides the timeout by five and keeps asking until _end(): the other family has its answer. If
 * e->running is false afterwards, it has failed.
 */
void eddyi_dns_exchange_hurry(struct eddyi_dns_exchange *e);

/* Ends it in any state. Harmless if @e is {0}. */
void eddyi_dns_exchange_end(struct eddyi_dns_exchange *e);

#endif
