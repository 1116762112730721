/*
 * A name server that does as the first label of the name says, also what no name server should do. A process of its own with plain
 * sockets, so that no failure injected into the library is one of its.
 */
#ifndef EDDY_TEST_FAKE_DNS_H
#define EDDY_TEST_FAKE_DNS_H

#include "io/sockets.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>

struct fake_dns {
    pid_t pid;
    char server[32]; /* "127.0.0.1:port", for eddy_loop_set_nameservers() */
};

enum { FAKE_A = 1, FAKE_CNAME = 5, FAKE_PTR = 12, FAKE_AAAA = 28 };

struct fake_reply {
    unsigned char bytes[512];
    size_t length;
    int type;
};

static inline void fake_put(struct fake_reply *r, const void *data, size_t n)
{
    memcpy(r->bytes + r->length, data, n);
    r->length += n;
}

/* A record of the name that was asked for, which is at offset 12. */
static inline void fake_record(struct fake_reply *r, int type, const void *data, size_t n)
{
    unsigned char head[12] = {0xc0, 12, 0, (unsigned char)type, 0, 1, 0, 0, 0, 60, 0, (unsigned char)n};

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

static inline void fake_rcode(struct fake_reply *r, int rcode)
{
    r->bytes[3] = (unsigned char)((r->bytes[3] & 0xf0) | rcode);
}

/* False: no reply at all. */
static inline bool fake_answer(struct fake_reply *r, const char *label)
{
    if (strcmp(label, "silent") == 0)
        return false;
    if (strcmp(label, "nx") == 0 || strcmp(label, "9") == 0)
        fake_rcode(r, 3);
    else if (strcmp(label, "servfail") == 0)
        fake_rcode(r, 2);
    else if (strcmp(label, "refused") == 0)
        fake_rcode(r, 5);
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

static inline void fake_serve(int fd)
{
    struct sockaddr_in from;
    socklen_t size = sizeof from;
    struct fake_reply r;
    char label[64] = "";
    size_t at = 12;
    ssize_t n = recvfrom(fd, r.bytes, sizeof r.bytes, 0, (struct sockaddr *)&from, &size);

    if (n < 17)
        return;
    snprintf(label, sizeof label, "%.*s", r.bytes[12], r.bytes + 13);
    while (r.bytes[at] && at < (size_t)n)
        at += r.bytes[at] + 1u;
    r.type = r.bytes[at + 2];
    r.length = at + 5;
    r.bytes[2] = 0x81;
    r.bytes[3] = 0x80;
    memset(r.bytes + 6, 0, 6);
    if (fake_answer(&r, label))
        sendto(fd, r.bytes, r.length, 0, (struct sockaddr *)&from, size);
}

static inline void fake_dns_open(struct fake_dns *d)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof addr;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    REQUIRE(fd >= 0 && bind(fd, (struct sockaddr *)&addr, size) == 0);
    REQUIRE(getsockname(fd, (struct sockaddr *)&addr, &size) == 0);
    snprintf(d->server, sizeof d->server, "127.0.0.1:%d", ntohs(addr.sin_port));
    d->pid = fork();
    REQUIRE(d->pid >= 0);
    if (d->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            fake_serve(fd);
    }
    close(fd);
}

static inline void fake_dns_close(struct fake_dns *d)
{
    kill(d->pid, SIGKILL);
    waitpid(d->pid, NULL, 0);
}

#endif
