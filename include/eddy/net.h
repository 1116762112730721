/*
 * Names and addresses: getaddrinfo and getnameinfo that suspend the task instead of blocking the
 * loop.
 *
 *     struct addrinfo *list; eddy_try(eddy_getaddrinfo("example.com", "https", &(struct
 *     addrinfo){.ai_socktype = SOCK_STREAM}, &list)); for (struct addrinfo *a = list; a; a =
 *     a->ai_next) … eddy_freeaddrinfo(list);
 *
 * Lookups are made on the loop, in /etc/hosts and at the servers of /etc/resolv.conf, in the
 * order that /etc/nsswitch.conf has. Where the system is set up for more than that (see
 * eddy_resolver), or eddy was built without c-ares, the C library's getaddrinfo is called, in a
 * few threads that do nothing else.
 *
 * Each lookup uses the files as they are when it begins: they may change, appear and vanish. A
 * hosts file of more than 64 KiB is read in a thread. Supported lines of resolv.conf: nameserver
 * (up to eight, a port is allowed: "192.0.2.1:5353", "[2001:db8::1]:5353"), search, domain, and the
 * options ndots, timeout, attempts, rotate, use-vc, edns0, trust-ad, single-request, no-aaaa and
 * no-reload. They mean what they mean in the C library, as do $LOCALDOMAIN and $RES_OPTIONS. The
 * next server is asked at once when one refuses, fails or is not listening. Up to 256 lookups of a
 * loop ask servers at the same time, with two sockets each; further ones wait.
 */
#ifndef EDDY_NET_H
#define EDDY_NET_H

#include "defs.h"
#include "loop.h"

#include <netdb.h>
#include <sys/socket.h>

EDDY_BEGIN_DECLS

/* of <netdb.h>, which in strict C11 shows it only to those who define _POSIX_C_SOURCE */
struct addrinfo;

/*
 * The addresses of a host (loop.getaddrinfo).
 *
 * @host     a name, or a literal address such as "192.0.2.1", "2001:db8::1", "fe80::1%eth0"; NULL:
 *           this machine, with AI_PASSIVE all its addresses
 * @service  a port number, or a name as in /etc/services; NULL: port 0
 * @hints    as for getaddrinfo(3); NULL: any family and type
 * @ret      the list, in the order in which the addresses should be tried; give it back with
 *           eddy_freeaddrinfo()
 *
 * Literals, and no host at all, are answered at once, without asking anybody and without
 * suspending. AI_ADDRCONFIG, AI_V4MAPPED, AI_ALL and AI_IDN are things that the C library does in
 * its threads. A list has at most 1000 entries.
 *
 * With AF_UNSPEC both families are asked for side by side. Once one has been answered, the other
 * has one more timeout of resolv.conf (5 seconds by default); after that the list is returned
 * without it. Connecting by name does not wait for both (RFC 8305): it begins with IPv6 at once,
 * with IPv4 after 50 milliseconds, and adds the other family when it comes.
 *
 * Returns 0, or
 *
 *   EDDY_EBADNAME an empty label, one of more than 63 bytes, more than 253 in all, or bytes that a
 *   name cannot have EDDY_ENONAME there is no such name, or it has no address of this family
 *   EDDY_ENAMEAGAIN the name servers did not answer, could not (SERVFAIL), or would not (REFUSED);
 *   the message tells which EDDY_ENAMEFAIL they answered something that is no answer
 *   EDDY_ENOSERVICE no such service, or not for this type of socket -EAFNOSUPPORT,
 *   -ESOCKTNOSUPPORT, -EINVAL for @hints; -EMFILE and the like, -ENOMEM, EDDY_ENOTASK
 *
 * The message names the host and the server's answer. Cancelled: at once; a thread that is asking
 * goes on alone, and its answer is dropped.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_getaddrinfo(const char *host, const char *service,
                                                         const struct addrinfo *hints,
                                                         struct addrinfo **ret);

/* Gives a list back. Only for those of eddy_getaddrinfo(); NULL is allowed. */
EDDY_API void eddy_freeaddrinfo(struct addrinfo *list);

/*
 * The name of an address, and of its port (loop.getnameinfo).
 *
 * @host, @service get them, terminated; of these sizes, 0: not wanted. NI_MAXHOST and NI_MAXSERV
 * always suffice
 * @flags           NI_NUMERICHOST, NI_NUMERICSERV, NI_NAMEREQD, NI_NOFQDN, NI_DGRAM, as for
 *                  getnameinfo(3)
 *
 * An address without a name is given as numbers, or with NI_NAMEREQD is EDDY_ENONAME. With
 * NI_NUMERICHOST nobody is asked, and it does not suspend. Returns as above; -EOVERFLOW if a buffer
 * is too small.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_getnameinfo(const struct sockaddr *addr,
                                                         socklen_t addrlen, char *host,
                                                         size_t host_size, char *service,
                                                         size_t service_size, int flags);

/* Who looks names up for a loop. */
typedef enum eddy_resolver {
    /*
     * On the loop, with c-ares for the format of messages, unless /etc/nsswitch.conf has something
     * else than "files" before "dns" in its line "hosts", such as mdns, resolve, myhostname or
     * ldap, which only the C library can ask. $EDDY_RESOLVER, "c-ares" or "system", overrides.
     */
    EDDY_RESOLVER_AUTO,
    EDDY_RESOLVER_CARES,
    EDDY_RESOLVER_SYSTEM
} eddy_resolver;

/* Chooses for a loop, from the next lookup on. 0, -EOPNOTSUPP if eddy was built without c-ares,
 * EDDY_ETHREAD, … */
EDDY_API int eddy_loop_set_resolver(eddy_loop *loop, eddy_resolver resolver);

/* Who would do the next lookup: "c-ares" or "system". */
EDDY_API const char *eddy_loop_resolver_name(eddy_loop *loop);

/*
 * Asks these servers, at most eight, instead of those of /etc/resolv.conf, whose options and
 * search domains still apply: addresses with or without port, separated by commas:
 * "127.0.0.1:5353,[2001:db8::53]:53". NULL: those of /etc/resolv.conf. Lookups of this loop that
 * are under way fail with EDDY_ENAMEAGAIN. Implies EDDY_RESOLVER_CARES. 0, -EINVAL, -EOPNOTSUPP,
 * -ENOMEM, EDDY_ETHREAD, …
 */
EDDY_API int eddy_loop_set_nameservers(eddy_loop *loop, const char *servers);

EDDY_END_DECLS

#endif
