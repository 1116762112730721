/*
 * DNS messages: making questions, checking and parsing answers, with the help of c-ares. Nothing
 * here needs a socket, so tests and fuzzers can call it directly.
 */
#ifndef EDDYI_DNS_MESSAGE_H
#define EDDYI_DNS_MESSAGE_H

#include "net/address.h"

#include <stdint.h>

enum { EDDYI_DNS_A = 1, EDDYI_DNS_PTR = 12, EDDYI_DNS_AAAA = 28 };

/* A question in wire format, behind the two bytes of length that TCP needs. Owns @bytes. */
struct eddyi_dns_question {
    unsigned char *bytes;
    size_t size; /* including the two bytes */
};

static inline const unsigned char *eddyi_dns_message(const struct eddyi_dns_question *q)
{
    return q->bytes + 2;
}

static inline size_t eddyi_dns_message_size(const struct eddyi_dns_question *q)
{
    return q->size - 2;
}

/*
 * Makes a question. @udp_size > 0 adds EDNS with that size; @ad sets the AD bit. 0, -ENOMEM,
 * EDDY_EBADNAME, or EDDY_ENONAME for names that must not reach a server (.onion).
 */
int eddyi_dns_question_init(struct eddyi_dns_question *q, const char *name, int type, uint16_t id,
                            int udp_size, bool ad);
void eddyi_dns_question_fini(struct eddyi_dns_question *q);

/* How to treat a message. */
enum eddyi_dns_verdict {
    EDDYI_DNS_STRAY,     /* not an answer to this question: ignore it */
    EDDYI_DNS_ANSWER,    /* NOERROR */
    EDDYI_DNS_NO_SUCH,   /* NXDOMAIN */
    EDDYI_DNS_TRUNCATED, /* ask again over TCP */
    EDDYI_DNS_PLAIN,     /* ask again without EDNS */
    EDDYI_DNS_FAILED     /* ask another server */
};

/* Judges a message. With EDDYI_DNS_FAILED *ret_why is a static text. */
enum eddyi_dns_verdict eddyi_dns_judge(const struct eddyi_dns_question *q,
                                       const unsigned char *bytes, size_t size,
                                       const char **ret_why);

/* The content of an answer. Owns both members. */
struct eddyi_dns_addresses {
    union eddyi_address *addresses; /* NULL: none */
    size_t n;
    char *canonname;
};

/*
 * Parses an answer of @type A or AAAA. 0, with n 0 if it has no addresses; -ENOMEM, or
 * EDDY_ENAMEFAIL if it is malformed.
 */
int eddyi_dns_addresses_init(struct eddyi_dns_addresses *a, const unsigned char *bytes, size_t size,
                             int type);
void eddyi_dns_addresses_fini(struct eddyi_dns_addresses *a);

/*
 * Parses the answer to a PTR question into @host of NI_MAXHOST bytes. 0, EDDY_ENONAME, -ENOMEM or
 * EDDY_ENAMEFAIL.
 */
int eddyi_dns_host_of(const unsigned char *bytes, size_t size, const union eddyi_address *a,
                      char *host);

/* Writes the name of a PTR question: "1.2.0.192.in-addr.arpa". */
enum { EDDYI_DNS_ARPA = 80 };
void eddyi_dns_arpa(const union eddyi_address *a, char *ret);

#endif
