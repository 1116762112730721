/*
 * A name server that does as the first label of the name says, also what no name server should do.
 * A process of its own with plain sockets, so that failures injected into the library do not hit
 * it.
 */
#ifndef EDDY_TEST_FAKE_DNS_H
#define EDDY_TEST_FAKE_DNS_H

#include "io/sockets.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

struct fake_dns {
    pid_t pid;
    unsigned char number; /* set before it is opened: the last byte of the address of who.test */
    char server[32];      /* "127.0.0.1:port", for eddy_loop_set_nameservers() */
};

enum { FAKE_A = 1, FAKE_CNAME = 5, FAKE_PTR = 12, FAKE_AAAA = 28 };

/* A question, and the reply to it as far as it is written. */
struct fake_reply {
    unsigned char bytes[512];
    size_t length;
    int type;
    bool tcp, edns, ad; /* the question came over TCP; has EDNS; has the flag AD */
    unsigned char server;
    char label[3][64]; /* the first of the name; "" where there are no more */
    int n_labels;
};

static inline void fake_put(struct fake_reply *r, const void *data, size_t n)
{
    memcpy(r->bytes + r->length, data, n);
    r->length += n;
}

/* A record of the name that was asked for, which is at offset 12. */
static inline void fake_record(struct fake_reply *r, int type, const void *data, size_t n)
{
    unsigned char head[12] = {0xc0, 12, 0, (unsigned char)type, 0, 1, 0, 0,
                              0,    60, 0, (unsigned char)n};

    fake_put(r, head, sizeof head);
    fake_put(r, data, n);
    r->bytes[7]++;
}

static inline void fake_address(struct fake_reply *r, unsigned char last)
{
    const unsigned char four[4] = {192, 0, 2, last};
    const unsigned char six[16] = {0x20, 1, 0xd, 0xb8, [15] = last};

    if (r->type == FAKE_A)
        fake_record(r, FAKE_A, four, sizeof four);
    else if (r->type == FAKE_AAAA)
        fake_record(r, FAKE_AAAA, six, sizeof six);
}

/* Tells if the second label is @domain. */
static inline bool fake_in(const struct fake_reply *r, const char *domain)
{
    return strcmp(r->label[1], domain) == 0;
}

/* The loopback's; late-six.test has that of IPv6 a while after that of IPv4. */
static inline void fake_local(struct fake_reply *r)
{
    const unsigned char four[4] = {127, 0, 0, 1}, six[16] = {[15] = 1};
    const struct timespec a_while = {.tv_nsec = 100000000};
    bool late = strcmp(r->label[0], r->type == FAKE_A ? "late-four" : "late-six") == 0;

    if (late)
        nanosleep(&a_while, NULL);
    for (int i = fake_in(r, "twice") ? 2 : 1; i > 0; i--) {
        if (r->type == FAKE_A)
            fake_record(r, FAKE_A, four, sizeof four);
        else
            fake_record(r, FAKE_AAAA, six, sizeof six);
    }
}

static inline void fake_rcode(struct fake_reply *r, int rcode)
{
    r->bytes[3] = (unsigned char)((r->bytes[3] & 0xf0) | rcode);
}

/* Answers names that depend on further labels, or on the question. False if it is none of those. */
static inline bool fake_answer_special(struct fake_reply *r, const char *label)
{
    static bool ipv4_was_asked;

    if (strcmp(label, "only-b") == 0) {
        fake_in(r, "b") ? fake_address(r, 1) : fake_rcode(r, 3);
    } else if (strcmp(label, "fails-in-a") == 0) {
        fake_in(r, "b") ? fake_address(r, 1) : fake_rcode(r, 2);
    } else if (strcmp(label, "mixed") == 0) {
        if (fake_in(r, "b") == (r->type == FAKE_AAAA))
            fake_address(r, 1);
        else
            fake_rcode(r, 3);
    } else if (strcmp(label, "labels") == 0) {
        fake_address(r, (unsigned char)r->n_labels);
    } else if (strcmp(label, "who") == 0) {
        fake_address(r, r->server);
    } else if (strncmp(label, "late-", 5) == 0 || strncmp(label, "local-", 6) == 0) {
        fake_local(r);
    } else if (strcmp(label, "carrier") == 0) {
        fake_address(r, r->tcp ? 2 : 1);
    } else if (strcmp(label, "flags") == 0) {
        fake_address(r, (unsigned char)(r->edns * 2 + r->ad));
    } else if (strcmp(label, "no-edns") == 0) {
        r->edns ? fake_rcode(r, 1) : fake_address(r, 1);
    } else if (strcmp(label, "one-by-one") == 0) {
        r->type == FAKE_A || ipv4_was_asked ? fake_address(r, 1) : fake_rcode(r, 3);
        ipv4_was_asked = true;
    } else if (strncmp(label, "long", 4) == 0 && !r->tcp) {
        r->bytes[2] |= 2;
    } else {
        return false;
    }
    return true;
}

/* False: no reply at all. */
static inline bool fake_answer(struct fake_reply *r, const char *label)
{
    const char *dash = strchr(label, '-');

    if (strcmp(label, "silent") == 0 ||
        (dash && strcmp(dash, "-silent-six") == 0 && r->type == FAKE_AAAA) ||
        (dash && strcmp(dash, "-silent-four") == 0 && r->type == FAKE_A))
        return false;
    if (fake_answer_special(r, label))
        return true;
    if (fake_in(r, "first") && r->server != 1) {
        fake_address(r, r->server); /* only the first server has what the label says */
        return true;
    }
    if (strcmp(label, "nx") == 0 || strcmp(label, "9") == 0)
        fake_rcode(r, 3);
    else if (strcmp(label, "servfail") == 0)
        fake_rcode(r, 2);
    else if (strcmp(label, "servfail-six") == 0 && r->type == FAKE_AAAA)
        fake_rcode(r, 2);
    else if (strcmp(label, "refused") == 0)
        fake_rcode(r, 5);
    else if (strcmp(label, "notimp") == 0)
        fake_rcode(r, 4);
    else if (strcmp(label, "formerr") == 0)
        fake_rcode(r, 1);
    else if (strcmp(label, "lame") == 0)
        r->bytes[3] &= 0x7f;
    else if (strcmp(label, "wrongid") == 0)
        r->bytes[0] ^= 0x55;
    else if (strcmp(label, "pointerloop") == 0) {
        const unsigned char self[2] = {0xc0, (unsigned char)r->length};

        r->bytes[7] = 1;
        fake_put(r, self, sizeof self);
        fake_put(r, "\0\1\0\1\0\0\0\0\0\4\1\2\3\4", 14);
    } else if (strcmp(label, "cnameloop") == 0)
        fake_record(r, FAKE_CNAME, "\xc0\x0c", 2);
    else if (strcmp(label, "junk") == 0)
        r->bytes[7] = 9;
    else if (strcmp(label, "many") == 0)
        for (unsigned char i = 0; i < (r->type == FAKE_A ? 27 : 14); i++)
            fake_address(r, i);
    else if (r->type == FAKE_PTR)
        fake_record(r, FAKE_PTR, "\4host\4test", 11);
    else if (r->type == FAKE_A || strcmp(label, "four") != 0)
        fake_address(r, 1);
    return true;
}

/* Turns a question into the head of its reply. */
static inline bool fake_parse(struct fake_reply *r, ssize_t n)
{
    size_t at = 12;

    if (n < 17)
        return false;
    r->n_labels = 0;
    memset(r->label, 0, sizeof r->label);
    for (; r->bytes[at] && at < (size_t)n; at += r->bytes[at] + 1u, r->n_labels++)
        if (r->n_labels < 3)
            memcpy(r->label[r->n_labels], r->bytes + at + 1, r->bytes[at] & 63);
    r->type = r->bytes[at + 2];
    r->edns = r->bytes[11] > 0;
    r->ad = (r->bytes[3] & 0x20) != 0;
    r->length = at + 5;
    r->bytes[2] = 0x81;
    r->bytes[3] = 0x80;
    memset(r->bytes + 6, 0, 6);
    return true;
}

struct fake_socket {
    int fd;
    struct sockaddr_in from;
};

static inline void fake_send(const struct fake_socket *s, const struct fake_reply *r)
{
    sendto(s->fd, r->bytes, r->length, 0, (const struct sockaddr *)&s->from, sizeof s->from);
}

/* Sends a message that is no answer to the question, and has another address, for stray-….test. */
static inline void fake_send_stray(const struct fake_socket *s, const struct fake_reply *question)
{
    struct fake_reply r = *question;
    const char *why = r.label[0] + strlen("stray-");
    struct fake_socket other = *s;

    fake_address(&r, 66);
    if (strcmp(why, "query") == 0)
        r.bytes[2] &= 0x7f;
    else if (strcmp(why, "opcode") == 0)
        r.bytes[2] |= 0x10;
    else if (strcmp(why, "id") == 0)
        r.bytes[1] ^= 1;
    else if (strcmp(why, "name") == 0)
        r.bytes[13] ^= 1;
    else if (strcmp(why, "type") == 0)
        r.bytes[question->length - 3] = 16;
    else if (strcmp(why, "nothing") == 0)
        r.length = 0;
    else if (strcmp(why, "short") == 0)
        r.length = 11;
    else if (strcmp(why, "question") == 0)
        r.bytes[5] = 0;
    else if (strcmp(why, "source") == 0)
        other.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    fake_send(&other, &r);
    if (other.fd != s->fd)
        close(other.fd);
}

static inline void fake_serve(int fd, unsigned char number)
{
    struct fake_socket s = {.fd = fd};
    socklen_t size = sizeof s.from;
    struct fake_reply r = {.server = number};
    ssize_t n = recvfrom(fd, r.bytes, sizeof r.bytes, 0, (struct sockaddr *)&s.from, &size);

    if (!fake_parse(&r, n))
        return;
    if (strncmp(r.label[0], "stray-", 6) == 0)
        fake_send_stray(&s, &r);
    if (fake_answer(&r, r.label[0]))
        fake_send(&s, &r);
}

/* One question over TCP; the answer comes in two pieces. */
static inline void fake_serve_tcp(int listener, unsigned char number)
{
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    struct fake_reply r = {.tcp = true, .server = number};
    unsigned char head[2];

    if (recv(fd, head, 2, MSG_WAITALL) == 2 &&
        fake_parse(&r, recv(fd, r.bytes, (size_t)(head[0] << 8 | head[1]), MSG_WAITALL)) &&
        strcmp(r.label[0], "long-cut") != 0 && fake_answer(&r, r.label[0])) {
        if (strcmp(r.label[0], "long-stray") == 0)
            r.bytes[2] &= 0x7f;
        head[0] = (unsigned char)(r.length >> 8);
        head[1] = (unsigned char)r.length;
        if (strcmp(r.label[0], "long-empty") == 0)
            head[0] = head[1] = 0;
        send(fd, head, 2, MSG_NOSIGNAL);
        send(fd, r.bytes, 5, MSG_NOSIGNAL);
        send(fd, r.bytes + 5, r.length - 5, MSG_NOSIGNAL);
    }
    close(fd);
}

static inline void fake_serve_both(int udp, int tcp, unsigned char number)
{
    struct pollfd p[2] = {{.fd = udp, .events = POLLIN}, {.fd = tcp, .events = POLLIN}};

    for (;;) {
        poll(p, 2, -1);
        if (p[0].revents)
            fake_serve(udp, number);
        if (p[1].revents)
            fake_serve_tcp(tcp, number);
    }
}

/* Datagrams and TCP on one port; another program may have the one where the other is free. */
static inline void fake_bind(int *ret_udp, int *ret_tcp, struct sockaddr_in *addr)
{
    socklen_t size = sizeof *addr;
    bool bound;

    do {
        *addr =
            (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        *ret_udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        *ret_tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        REQUIRE(*ret_udp >= 0 && *ret_tcp >= 0);
        REQUIRE(bind(*ret_udp, (struct sockaddr *)addr, size) == 0);
        REQUIRE(getsockname(*ret_udp, (struct sockaddr *)addr, &size) == 0);
        bound = bind(*ret_tcp, (struct sockaddr *)addr, size) == 0 && listen(*ret_tcp, 8) == 0;
        if (!bound) {
            close(*ret_udp);
            close(*ret_tcp);
        }
    } while (!bound);
}

static inline void fake_dns_open(struct fake_dns *d)
{
    struct sockaddr_in addr;
    int udp, tcp;

    fake_bind(&udp, &tcp, &addr);
    snprintf(d->server, sizeof d->server, "127.0.0.1:%d", ntohs(addr.sin_port));
    d->pid = fork();
    REQUIRE(d->pid >= 0);
    if (d->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        fake_serve_both(udp, tcp, d->number);
    }
    close(udp);
    close(tcp);
}

static inline void fake_dns_close(struct fake_dns *d)
{
    kill(d->pid, SIGKILL);
    waitpid(d->pid, NULL, 0);
}

#endif
