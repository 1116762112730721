/*
 * Socket addresses: parsing literals, and writing addresses for people.
 */
#ifndef EDDYI_ADDRESS_H
#define EDDYI_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

union eddyi_address {
    struct sockaddr sa;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    struct sockaddr_un un;
    struct sockaddr_storage storage;
};

/* Room for any address of eddyi_address_format(), a Unix socket's path included. */
enum { EDDYI_ADDRESS_TEXT = 128 };

/* Returns the port; 0 if the address has none. */
static inline int eddyi_address_port(const union eddyi_address *a)
{
    return a->sa.sa_family == AF_INET    ? ntohs(a->in.sin_port)
           : a->sa.sa_family == AF_INET6 ? ntohs(a->in6.sin6_port)
                                         : 0;
}

/* Returns the size of an IP address of that family. */
static inline socklen_t eddyi_address_size(int family)
{
    return family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

/*
 * Parses a literal, "192.0.2.1" or "fe80::1%eth0", with port 0. Returns 1, 0 if it is no literal,
 * or -errno if it is one whose interface is unknown.
 */
int eddyi_address_parse(const char *text, union eddyi_address *ret);

/* Maps an IPv4 address to IPv6, as ::ffff:192.0.2.1. */
void eddyi_address_map(union eddyi_address *a);

void eddyi_address_set_port(struct sockaddr *sa, int port);

/* Writes the host alone: "192.0.2.1", "fe80::1%eth0". */
void eddyi_address_host(const struct sockaddr *sa, char *buf, size_t size);

/* Writes the whole address: "192.0.2.1 port 80", "/run/it.sock", "@abstract". Returns @buf. */
const char *eddyi_address_format(const struct sockaddr *sa, socklen_t len, char *buf, size_t size);

/* Makes the address of a Unix socket; "@name" is an abstract one. Returns 0, -ENAMETOOLONG (a path
 * is never cut), or -EINVAL for "" and NULL. */
int eddyi_address_unix(const char *path, union eddyi_address *ret, socklen_t *ret_len);

bool eddyi_address_equal(const struct sockaddr *a, const struct sockaddr *b);

#endif
