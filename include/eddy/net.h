/*
 * Names and addresses: getaddrinfo and getnameinfo that suspend the task and do not block the loop.
 *
 *     struct addrinfo *list;
 *
 *     eddy_try(eddy_getaddrinfo("example.com", "https",
 *                               &(struct addrinfo){.ai_socktype = SOCK_STREAM}, &list));
 *     for (struct addrinfo *a = list; a; a = a->ai_next)
 *         …
 *     eddy_freeaddrinfo(list);
 *
 * Lookups run on the loop: in /etc/hosts and at the name servers of /etc/resolv.conf, in the order
 * given by /etc/nsswitch.conf. If the system is configured to use other sources too (see
 * eddy_resolver), or if eddy was built without c-ares, the C library's getaddrinfo is called, in a
 * few threads reserved for it.
 *
 * Each lookup uses the configuration files as they are when it begins: they may change, appear and
 * vanish. A hosts file of more than 64 KiB is read in a thread. The supported lines of resolv.conf
 * are nameserver (up to eight, with an optional port: "192.0.2.1:5353", "[2001:db8::1]:5353"),
 * search, domain, and the options ndots, timeout, attempts, rotate, use-vc, edns0, trust-ad,
 * single-request, no-aaaa and no-reload. They have the same meaning as in the C library, and so
 * have $LOCALDOMAIN and $RES_OPTIONS. If a name server refuses, fails or does not listen, the next
 * is asked at once. Up to 256 lookups of a loop ask name servers at the same time, with two sockets
 * each; further lookups wait.
 */
#ifndef EDDY_NET_H
#define EDDY_NET_H

#include "defs.h"
#include "loop.h"

#include <netdb.h>
#include <sys/socket.h>

EDDY_BEGIN_DECLS

/* from <netdb.h>, which in strict C11 declares it only if _POSIX_C_SOURCE is defined */
struct addrinfo;

/*
 * Looks up the addresses of a host (loop.getaddrinfo).
 *
 * @host     a name, or a literal address such as "192.0.2.1", "2001:db8::1", "fe80::1%eth0"; NULL:
 *           this machine, with AI_PASSIVE all its addresses
 * @service  a port number, or a name as in /etc/services; NULL: port 0
 * @hints    as for getaddrinfo(3); NULL: any family and type
 * @ret      gets the list, in the order in which the addresses should be tried; the caller owns it,
 *           and frees it with eddy_freeaddrinfo()
 *
 * Literal addresses, and @host NULL, are answered at once, without a name server and without
 * suspending. For AI_ADDRCONFIG, AI_V4MAPPED, AI_ALL and AI_IDN the C library is called in its
 * threads. A list has at most 1000 entries.
 *
 * With AF_UNSPEC both families are looked up concurrently. Once one is answered, the other has one
 * more timeout of resolv.conf (5 seconds by default); after that the list is returned without it.
 * Connecting by name does not wait for both (RFC 8305): it begins with IPv6 at once, or with IPv4
 * after 50 milliseconds, and adds the other family when its answer arrives.
 *
 * Returns 0, or raises an error whose message has the host and the name server's answer:
 *
 *   EDDY_EBADNAME    an empty label, a label of more than 63 bytes, more than 253 bytes in all, or
 *                    bytes that a name cannot contain
 *   EDDY_ENONAME     there is no such name, or it has no address of this family
 *   EDDY_ENAMEAGAIN  the name servers did not answer, could not (SERVFAIL) or would not (REFUSED);
 *                    the message says which
 *   EDDY_ENAMEFAIL   the answer of the name servers is malformed
 *   EDDY_ENOSERVICE  no such service, or not for this type of socket
 *   -EAFNOSUPPORT, -ESOCKTNOSUPPORT, -EINVAL  because of @hints
 *   -EMFILE and the like, -ENOMEM, EDDY_ENOTASK
 *
 * Cancelled: returns at once; a lookup in a thread goes on, and its answer is dropped.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_getaddrinfo(const char *host, const char *service,
                                                         const struct addrinfo *hints,
                                                         struct addrinfo **ret);

/* Frees a list of eddy_getaddrinfo(), and no other list. NULL is allowed. */
EDDY_API void eddy_freeaddrinfo(struct addrinfo *list);

/*
 * Looks up the name of an address and of its port (loop.getnameinfo).
 *
 * @host, @service            get the names, terminated by a null byte
 * @host_size, @service_size  sizes of these buffers, 0: not wanted; NI_MAXHOST and NI_MAXSERV
 *                            always suffice
 * @flags                     NI_NUMERICHOST, NI_NUMERICSERV, NI_NAMEREQD, NI_NOFQDN, NI_DGRAM, as
 *                            for getnameinfo(3)
 *
 * An address without a name is returned in numbers; with NI_NAMEREQD the call raises EDDY_ENONAME.
 * With NI_NUMERICHOST no name server is asked, and the call does not suspend. Returns as
 * eddy_getaddrinfo(), and -EOVERFLOW if a buffer is too small.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_getnameinfo(const struct sockaddr *addr,
                                                         socklen_t addrlen, char *host,
                                                         size_t host_size, char *service,
                                                         size_t service_size, int flags);

/* A lookup that eddy_loop_getaddrinfo() has begun. */
typedef struct eddy_resolving eddy_resolving;

/*
 * Receives the result of a lookup: @status 0 and the addresses, which the function owns and frees
 * with eddy_freeaddrinfo(); or an error < 0, whose message is in eddy_error(), and @list NULL.
 */
typedef void eddy_resolved_fn(void *arg, int status, struct addrinfo *list);

/*
 * Looks up the addresses of a host as eddy_getaddrinfo() does, without a task: returns at once, and
 * the loop calls done(@arg, status, list) later. @host, @service and @hints may be reused on
 * return.
 *
 * *ret is valid until @done is called. Returns 0, or raises an error and does not call @done:
 * -EINVAL, -ENOMEM, or one of eddy_getaddrinfo() that is known at once.
 */
EDDY_API EDDY_NODISCARD int eddy_loop_getaddrinfo(eddy_loop *loop, const char *host,
                                                  const char *service, const struct addrinfo *hints,
                                                  eddy_resolved_fn *done, void *arg,
                                                  eddy_resolving **ret);

/* Cancels a lookup; its function is not called. NULL is allowed. */
EDDY_API void eddy_resolving_cancel(eddy_resolving *r);

/* A connection that eddy_loop_connect() is making. */
typedef struct eddy_connecting eddy_connecting;

/*
 * Receives the result of a connection attempt: @fd >= 0 is its descriptor, non-blocking and
 * close-on-exec, which the function owns; @fd < 0 is an error, whose message is in eddy_error().
 */
typedef void eddy_connected_fn(void *arg, int fd);

/*
 * Connects to the address in @list that answers first (RFC 8305), without a task: returns at once,
 * and the loop calls done(@arg, fd) later. The next address is tried @delay seconds after the last;
 * 0: 0.25, EDDY_FOREVER: when the last has failed. Borrows @list, which must stay valid until @done
 * is called. eddy_open_connection() connects in the same way.
 *
 * *ret is valid until @done is called. Returns 0, or raises an error and does not call @done:
 * -EINVAL, -ENOMEM, ….
 */
EDDY_API EDDY_NODISCARD int eddy_loop_connect(eddy_loop *loop, const struct addrinfo *list,
                                              double delay, eddy_connected_fn *done, void *arg,
                                              eddy_connecting **ret);

/* Cancels a connection attempt; its function is not called. NULL is allowed. */
EDDY_API void eddy_connecting_cancel(eddy_connecting *c);

/* The resolver that looks up names for a loop. */
typedef enum eddy_resolver {
    /*
     * Runs on the loop, with c-ares for the format of messages, unless the line "hosts" of
     * /etc/nsswitch.conf has a source other than "files" before "dns", such as mdns, resolve,
     * myhostname or ldap, which only the C library can use. $EDDY_RESOLVER, "c-ares" or "system",
     * overrides this.
     */
    EDDY_RESOLVER_AUTO,
    EDDY_RESOLVER_CARES,
    EDDY_RESOLVER_SYSTEM
} eddy_resolver;

/*
 * Selects the resolver of @loop, from the next lookup on. Returns 0, -EOPNOTSUPP if eddy was built
 * without c-ares, EDDY_ETHREAD, ….
 */
EDDY_API int eddy_loop_set_resolver(eddy_loop *loop, eddy_resolver resolver);

/* Returns the name of the resolver that the next lookup would use: "c-ares" or "system". */
EDDY_API const char *eddy_loop_resolver_name(eddy_loop *loop);

/*
 * Sets the name servers of @loop, at most eight, in place of those of /etc/resolv.conf, whose
 * options and search domains still apply. @servers is a list of addresses with or without port,
 * separated by commas: "127.0.0.1:5353,[2001:db8::53]:53"; NULL restores those of /etc/resolv.conf.
 * Lookups of this loop that are in progress fail with EDDY_ENAMEAGAIN. Implies EDDY_RESOLVER_CARES.
 * Returns 0, -EINVAL, -EOPNOTSUPP, -ENOMEM, EDDY_ETHREAD, ….
 */
EDDY_API int eddy_loop_set_nameservers(eddy_loop *loop, const char *servers);

EDDY_END_DECLS

#endif
