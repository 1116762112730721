/*
 * Names and addresses: getaddrinfo and getnameinfo that suspend the task instead of blocking the loop.
 *
 *     struct addrinfo *list;
 *     eddy_try(eddy_getaddrinfo("example.com", "https", &(struct addrinfo){.ai_socktype = SOCK_STREAM}, &list));
 *     for (struct addrinfo *a = list; a; a = a->ai_next) …
 *     eddy_freeaddrinfo(list);
 *
 * Lookups are made by the C library's getaddrinfo, in a few threads that are there for nothing else.
 */
#ifndef EDDY_NET_H
#define EDDY_NET_H

#include "defs.h"
#include "loop.h"

#include <netdb.h>
#include <sys/socket.h>

EDDY_BEGIN_DECLS

struct addrinfo; /* of <netdb.h>, which in strict C11 shows it only to those who define _POSIX_C_SOURCE */

/*
 * The addresses of a host (loop.getaddrinfo).
 *
 * @host     a name, or a literal address such as "192.0.2.1", "2001:db8::1", "fe80::1%eth0"; NULL: this machine, with
 *           AI_PASSIVE all its addresses
 * @service  a port number, or a name as in /etc/services; NULL: port 0
 * @hints    as for getaddrinfo(3); NULL: any family and type
 * @ret      the list, in the order in which the addresses should be tried; give it back with eddy_freeaddrinfo()
 *
 * Literals, and no host at all, are answered at once, without asking anybody and without suspending. AI_ADDRCONFIG,
 * AI_V4MAPPED, AI_ALL and AI_IDN are things that the C library does in its threads. A list has at most 1000 entries.
 *
 * Returns 0, or
 *
 *   EDDY_EBADNAME    an empty label, one of more than 63 bytes, more than 253 in all, or bytes that a name cannot have
 *   EDDY_ENONAME     there is no such name, or it has no address of this family
 *   EDDY_ENAMEAGAIN  the name servers did not answer, or could not
 *   EDDY_ENAMEFAIL   they refused, or answered something that is none
 *   EDDY_ENOSERVICE  no such service, or not for this type of socket
 *   -EAFNOSUPPORT, -ESOCKTNOSUPPORT, -EINVAL for @hints; -ENOMEM, EDDY_ENOTASK
 *
 * The message names the host and the server's answer. Cancelled: at once; a thread that is asking goes on alone, and its answer is dropped.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_getaddrinfo(const char *host, const char *service,
                                                         const struct addrinfo *hints,
                                                         struct addrinfo **ret);

/* Gives a list back. Only for those of eddy_getaddrinfo(); NULL is allowed. */
EDDY_API void eddy_freeaddrinfo(struct addrinfo *list);

EDDY_END_DECLS

#endif
