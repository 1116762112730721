#define CARES_NO_DEPRECATED

#include "net/dns_message.h"

#include "base/sys.h"
#include "eddy/error.h"
#include "net/query.h"

#include <ares.h>
#include <arpa/nameser.h>
#include <limits.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
    HEADER_SIZE = 12,
    QUESTION_TAIL = 4,
    QR = 0x80,
    OPCODE = 0x78,
    AA = 0x04,
    TC = 0x02,
    RA = 0x80,
    AD = 0x20
};

/* Size of a record between owner and data; maximum length of a chain of aliases. */
enum { RECORD_FIXED = 10, LONGEST_CHAIN = 16 };

/* Limit of RFC 1035 for a name, in bytes of the message. */
enum { LONGEST_NAME = 255 };

static int code_of(int status)
{
    switch (status) {
    case ARES_SUCCESS:
        return 0;
    case ARES_ENOMEM:
        return -ENOMEM;
    case ARES_ENODATA:
    case ARES_ENOTFOUND:
        return EDDY_ENONAME;
    default:
        return EDDY_ENAMEFAIL;
    }
}

int eddyi_dns_question_init(struct eddyi_dns_question *q, const char *name, int type, uint16_t id,
                            int udp_size, bool ad)
{
    unsigned char *message = NULL;
    int size = 0, status = eddyi_fault("ares") < 0 ? ARES_ENOMEM
                                                   : ares_create_query(name, ns_c_in, type, id, 1,
                                                                       &message, &size, udp_size);

    *q = (struct eddyi_dns_question){NULL, 0};
    if (status != ARES_SUCCESS)
        return status == ARES_EBADNAME ? EDDY_EBADNAME : code_of(status);
    q->bytes = eddyi_alloc((size_t)size + 2);
    if (q->bytes) {
        q->size = (size_t)size + 2;
        q->bytes[0] = (unsigned char)(size >> 8);
        q->bytes[1] = (unsigned char)size;
        memcpy(q->bytes + 2, message, (size_t)size);
        q->bytes[2 + 3] |= ad ? AD : 0;
    }
    ares_free_string(message);
    return q->bytes ? 0 : -ENOMEM;
}

void eddyi_dns_question_fini(struct eddyi_dns_question *q)
{
    eddyi_free(q->bytes);
    *q = (struct eddyi_dns_question){NULL, 0};
}

static unsigned count_at(const unsigned char *message, size_t at)
{
    return (unsigned)message[at] << 8 | message[at + 1];
}

/* Measures header and question of a message made by eddyi_dns_question_init(). */
static size_t question_end(const unsigned char *message)
{
    size_t at = HEADER_SIZE;

    while (message[at])
        at += message[at] + 1u;
    return at + 1 + QUESTION_TAIL;
}

/* Compares the questions. Servers may change the case of letters. */
static bool same_question(const unsigned char *asked, const unsigned char *bytes, size_t size)
{
    size_t end = question_end(asked), tail = end - QUESTION_TAIL;

    if (count_at(bytes, 4) != 1 || size < end)
        return false;
    for (size_t i = HEADER_SIZE; i < tail; i++) {
        unsigned a = asked[i], b = bytes[i];

        if (a != b && (a | 0x20) != (b | 0x20))
            return false;
        if (a != b && ((a | 0x20) < 'a' || (a | 0x20) > 'z'))
            return false;
    }
    return memcmp(asked + tail, bytes + tail, QUESTION_TAIL) == 0;
}

/* Tells if the message answers @q. Error replies may lack the question. */
static bool answers(const struct eddyi_dns_question *q, const unsigned char *bytes, size_t size)
{
    const unsigned char *asked = eddyi_dns_message(q);
    unsigned rcode;

    if (size < HEADER_SIZE || bytes[0] != asked[0] || bytes[1] != asked[1] || !(bytes[2] & QR) ||
        (bytes[2] & OPCODE))
        return false;
    rcode = bytes[3] & 0xf;
    if (count_at(bytes, 4) == 0 && rcode != ns_r_noerror && rcode != ns_r_nxdomain)
        return true;
    return same_question(asked, bytes, size);
}

/* Recognises an empty answer without authority or recursion: a lame delegation. */
static bool is_lame(const unsigned char *bytes)
{
    return count_at(bytes, 6) == 0 && count_at(bytes, 10) == 0 && !(bytes[2] & AA) &&
           !(bytes[3] & RA);
}

static bool has_edns(const struct eddyi_dns_question *q)
{
    return count_at(eddyi_dns_message(q), 10) > 0;
}

static enum eddyi_dns_verdict say(const char **ret_why, const char *why)
{
    *ret_why = why;
    return EDDYI_DNS_FAILED;
}

enum eddyi_dns_verdict eddyi_dns_judge(const struct eddyi_dns_question *q,
                                       const unsigned char *bytes, size_t size,
                                       const char **ret_why)
{
    if (!answers(q, bytes, size))
        return EDDYI_DNS_STRAY;
    switch (bytes[3] & 0xf) {
    case ns_r_noerror:
        if (bytes[2] & TC)
            return EDDYI_DNS_TRUNCATED;
        return is_lame(bytes) ? say(ret_why, "the name server knows nothing of it")
                              : EDDYI_DNS_ANSWER;
    case ns_r_nxdomain:
        return EDDYI_DNS_NO_SUCH;
    case ns_r_servfail:
        return say(ret_why, "the name server failed (SERVFAIL)");
    case ns_r_refused:
        return say(ret_why, "the name server refused to answer (REFUSED)");
    case ns_r_formerr:
        return has_edns(q) ? EDDYI_DNS_PLAIN
                           : say(ret_why, "the name server did not understand (FORMERR)");
    case ns_r_notimpl:
        return has_edns(q) ? EDDYI_DNS_PLAIN
                           : say(ret_why, "the name server cannot answer (NOTIMP)");
    default:
        return say(ret_why, "the name server answered with an error");
    }
}

/* Measures the name at @at, up to where it ends or leads elsewhere. 0 if it is malformed or too
 * long. */
static size_t name_size(const unsigned char *bytes, size_t size, size_t at)
{
    size_t begin = at, end = 0, total = 0;

    for (unsigned jumps = 0; at < size && total < LONGEST_NAME && jumps < LONGEST_NAME;) {
        unsigned length = bytes[at];

        if (length == 0)
            return (end ? end : at + 1) - begin;
        if (length < 0x40) {
            total += length + 1;
            at += length + 1;
        } else if (length >= 0xc0 && at + 1 < size) {
            end = end ? end : at + 2;
            at = count_at(bytes, at) & 0x3fff;
            jumps++;
        } else {
            break;
        }
    }
    return 0;
}

/* Tells if no name of the record at *at is too long, and advances. */
static bool check_record(const unsigned char *bytes, size_t size, size_t *at)
{
    size_t owner = name_size(bytes, size, *at), data = *at + owner + RECORD_FIXED;
    unsigned type;

    if (owner == 0 || data > size)
        return false;
    type = count_at(bytes, *at + owner);
    *at = data + count_at(bytes, data - 2);
    return *at <= size &&
           ((type != ns_t_cname && type != ns_t_ptr) || name_size(bytes, size, data) > 0);
}

/*
 * Tells if all names are within the limit. c-ares 1.18 has none: compressed names of a message of
 * 64 KiB kept the loop for a second, and could for a minute.
 */
static bool has_short_names(const unsigned char *bytes, size_t size)
{
    size_t at = HEADER_SIZE, question = size > at ? name_size(bytes, size, at) : 0;

    if (question == 0 || size - at - question < QUESTION_TAIL)
        return false;
    at += question + QUESTION_TAIL;
    for (unsigned n = count_at(bytes, 6); n > 0; n--)
        if (!check_record(bytes, size, &at))
            return false;
    return true;
}

static int parse(const unsigned char *bytes, size_t size, int type, struct hostent **ret)
{
    if (eddyi_fault("ares") < 0)
        return ARES_ENOMEM;
    if (size > INT_MAX || !has_short_names(bytes, size))
        return ARES_EBADRESP;
    return type == EDDYI_DNS_A ? ares_parse_a_reply(bytes, (int)size, ret, NULL, NULL)
                               : ares_parse_aaaa_reply(bytes, (int)size, ret, NULL, NULL);
}

/* A record of the answer. */
struct record {
    char *owner; /* from c-ares, which frees it */
    unsigned type;
    const unsigned char *data;
};

/* Reads the record at *at and advances. False at the end, or if it is malformed. */
static bool next_record(const unsigned char *bytes, size_t size, const unsigned char **at,
                        struct record *r)
{
    const unsigned char *p = *at, *end = bytes + size;
    long length = 0;

    if (p >= end || ares_expand_name(p, bytes, (int)size, &r->owner, &length) != ARES_SUCCESS)
        return false;
    p += length;
    if (end - p >= RECORD_FIXED && end - p - RECORD_FIXED >= (long)count_at(p, 8)) {
        r->type = count_at(p, 0);
        r->data = p + RECORD_FIXED;
        *at = r->data + count_at(p, 8);
        return true;
    }
    ares_free_string(r->owner);
    return false;
}

/* Replaces *name by its target if the record makes it an alias. True if so. */
static bool follow(const unsigned char *bytes, size_t size, const struct record *r, char **name)
{
    char *target;
    long length;

    if (r->type != ns_t_cname || strcasecmp(r->owner, *name) != 0 ||
        ares_expand_name(r->data, bytes, (int)size, &target, &length) != ARES_SUCCESS)
        return false;
    ares_free_string(*name);
    *name = target;
    return true;
}

/* Follows aliases in one pass over the answer. True if there were any. */
static bool follow_aliases(const unsigned char *bytes, size_t size, size_t from, char **name)
{
    const unsigned char *at = bytes + from;
    struct record r;
    bool moved = false;

    for (unsigned n = count_at(bytes, 6); n > 0 && next_record(bytes, size, &at, &r); n--) {
        moved = follow(bytes, size, &r, name) || moved;
        ares_free_string(r.owner);
    }
    return moved;
}

/*
 * Finds the end of the chain of aliases; the hostent of c-ares 1.18 has only the first link. NULL
 * without memory.
 */
static char *canonical_name(const unsigned char *bytes, size_t size)
{
    char *name = NULL, *copy;
    long length = 0;

    if (ares_expand_name(bytes + HEADER_SIZE, bytes, (int)size, &name, &length) != ARES_SUCCESS)
        return eddyi_strdup("");
    for (int i = 0; i < LONGEST_CHAIN; i++)
        if (!follow_aliases(bytes, size, HEADER_SIZE + (size_t)length + QUESTION_TAIL, &name))
            break;
    copy = eddyi_strdup(name);
    ares_free_string(name);
    return copy;
}

static int copy_addresses(struct eddyi_dns_addresses *a, const struct hostent *host)
{
    size_t n = 0;

    while (host->h_addr_list[n] && n < EDDYI_ADDRINFO_MAX)
        n++;
    if (n == 0)
        return 0;
    a->addresses = eddyi_zalloc(n * sizeof *a->addresses);
    if (!a->addresses)
        return -ENOMEM;
    for (; a->n < n; a->n++) {
        union eddyi_address *to = &a->addresses[a->n];

        to->sa.sa_family = (sa_family_t)host->h_addrtype;
        if (host->h_addrtype == AF_INET6)
            memcpy(&to->in6.sin6_addr, host->h_addr_list[a->n], sizeof to->in6.sin6_addr);
        else
            memcpy(&to->in.sin_addr, host->h_addr_list[a->n], sizeof to->in.sin_addr);
    }
    return 0;
}

int eddyi_dns_addresses_init(struct eddyi_dns_addresses *a, const unsigned char *bytes, size_t size,
                             int type)
{
    struct hostent *host = NULL;
    int rc = code_of(parse(bytes, size, type, &host));

    *a = (struct eddyi_dns_addresses){NULL, 0, NULL};
    if (rc < 0)
        return rc == EDDY_ENONAME ? 0 : rc;
    rc = copy_addresses(a, host);
    ares_free_hostent(host);
    if (rc == 0 && a->n > 0) {
        a->canonname = canonical_name(bytes, size);
        rc = a->canonname ? 0 : -ENOMEM;
    }
    if (rc < 0)
        eddyi_dns_addresses_fini(a);
    return rc;
}

void eddyi_dns_addresses_fini(struct eddyi_dns_addresses *a)
{
    eddyi_free(a->addresses);
    eddyi_free(a->canonname);
    *a = (struct eddyi_dns_addresses){NULL, 0, NULL};
}

static const void *bytes_of(const union eddyi_address *a, int *ret_size)
{
    *ret_size = a->sa.sa_family == AF_INET6 ? 16 : 4;
    return a->sa.sa_family == AF_INET6 ? (const void *)&a->in6.sin6_addr : &a->in.sin_addr;
}

int eddyi_dns_host_of(const unsigned char *bytes, size_t size, const union eddyi_address *a,
                      char *host)
{
    struct hostent *found = NULL;
    int n_address, rc;
    const void *address = bytes_of(a, &n_address);

    if (eddyi_fault("ares") < 0)
        return -ENOMEM;
    if (size > INT_MAX || !has_short_names(bytes, size))
        return EDDY_ENAMEFAIL;
    rc = code_of(
        ares_parse_ptr_reply(bytes, (int)size, address, n_address, a->sa.sa_family, &found));
    if (rc < 0)
        return rc;
    rc = found->h_name ? 0 : EDDY_ENONAME;
    if (rc == 0)
        snprintf(host, NI_MAXHOST, "%s", found->h_name);
    ares_free_hostent(found);
    return rc;
}

void eddyi_dns_arpa(const union eddyi_address *a, char *ret)
{
    int n;
    const unsigned char *bytes = bytes_of(a, &n);

    while (n-- > 0)
        ret += a->sa.sa_family == AF_INET6 ? sprintf(ret, "%x.%x.", bytes[n] & 0xf, bytes[n] >> 4)
                                           : sprintf(ret, "%u.", bytes[n]);
    strcpy(ret, a->sa.sa_family == AF_INET6 ? "ip6.arpa" : "in-addr.arpa");
}
