/*
 * The calls of sys.h that make sockets and name them. None of them waits.
 */
#include "base/sys.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

int eddyi_sys_socket(int family, int type, int protocol)
{
    int f = eddyi_fault("socket");

    return f < 0 ? f
                 : (int)eddyi_sys_result(
                       socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol));
}

int eddyi_sys_bind(int fd, const struct sockaddr *addr, unsigned addrlen)
{
    int f = eddyi_fault("bind");

    return f < 0 ? f : (int)eddyi_sys_result(bind(fd, addr, addrlen));
}

int eddyi_sys_listen(int fd, int backlog)
{
    int f = eddyi_fault("listen");

    return f < 0 ? f : (int)eddyi_sys_result(listen(fd, backlog));
}

int eddyi_sys_set_option(int fd, int level, int option, int value)
{
    int f = eddyi_fault("setsockopt");

    return f < 0 ? f : (int)eddyi_sys_result(setsockopt(fd, level, option, &value, sizeof value));
}

int eddyi_sys_get_option(int fd, int level, int option)
{
    int value = 0;
    socklen_t size = sizeof value;

    return getsockopt(fd, level, option, &value, &size) < 0 ? -errno : value;
}

int eddyi_sys_set_socket_mode(int fd, unsigned mode)
{
    int f = eddyi_fault("chmod");

    return f < 0 ? f : (int)eddyi_sys_result(fchmod(fd, mode));
}

int eddyi_sys_chmod_socket(const char *path, unsigned mode)
{
    struct stat st;
    int f;

    if (lstat(path, &st) < 0)
        return -errno;
    if (!S_ISSOCK(st.st_mode) || (st.st_mode & 07777) == mode)
        return 0;
    f = eddyi_fault("chmod");
    return f < 0 ? f : (int)eddyi_sys_result(chmod(path, mode));
}

int eddyi_sys_unlink_socket(const char *path)
{
    struct stat st;
    int f = eddyi_fault("unlink");

    if (f < 0)
        return f;
    if (lstat(path, &st) < 0)
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(st.st_mode) || unlink(path) == 0 || errno == ENOENT)
        return 0;
    return -errno;
}

int eddyi_sys_interface(const char *name)
{
    int f = eddyi_fault("if_nametoindex");
    char *end;
    unsigned long number;

    if (f < 0)
        return f;
    number = if_nametoindex(name);
    if (number > 0)
        return (int)number;
    number = strtoul(name, &end, 10);
    return *name >= '0' && *name <= '9' && *end == '\0' && number <= INT_MAX ? (int)number
                                                                             : -ENODEV;
}

int eddyi_sys_service_port(const char *name, const char *protocol)
{
    int f = eddyi_fault("getservbyname");
    struct servent entry, *found = NULL;
    char buf[2048];

    if (f == 0)
        f = -getservbyname_r(name, protocol, &entry, buf, sizeof buf, &found);
    return f < 0 ? f : found ? ntohs((uint16_t)entry.s_port) : -ENOENT;
}

int eddyi_sys_service_name(int port, const char *protocol, char *buf, size_t size)
{
    int f = eddyi_fault("getservbyname");
    struct servent entry, *found = NULL;
    char all[2048];

    if (f == 0)
        f = -getservbyport_r(htons((uint16_t)port), protocol, &entry, all, sizeof all, &found);
    if (f < 0 || !found)
        return f < 0 ? f : -ENOENT;
    return (size_t)snprintf(buf, size, "%s", entry.s_name) < size ? 0 : -EOVERFLOW;
}

/* Converts an injected error, 0 or -errno, to one of getaddrinfo(3) and getnameinfo(3). */
static int resolver_error(int fault)
{
    switch (fault) {
    case 0:
        return 0;
    case -ENOENT:
        return EAI_NONAME;
    case -EAGAIN:
        return EAI_AGAIN;
    case -EILSEQ:
        return EAI_IDN_ENCODE;
    case -ENOMEM:
        return EAI_MEMORY;
    case -EPROTO:
        return EAI_FAIL;
    default:
        errno = -fault;
        return EAI_SYSTEM;
    }
}

int eddyi_sys_getaddrinfo(const char *host, const struct addrinfo *hints, struct addrinfo **ret,
                          int *ret_error)
{
    int rc = resolver_error(eddyi_fault("getaddrinfo"));

    if (rc == 0)
        rc = getaddrinfo(host, NULL, hints, ret);
    if (rc == EAI_SYSTEM)
        *ret_error = errno ? errno : EIO;
    return rc;
}

int eddyi_sys_getnameinfo(const struct sockaddr *addr, unsigned addrlen, char *host, size_t size,
                          int *ret_error)
{
    int rc = resolver_error(eddyi_fault("getaddrinfo"));

    if (rc == 0)
        rc = getnameinfo(addr, addrlen, host, (socklen_t)size, NULL, 0, NI_NAMEREQD);
    if (rc == EAI_SYSTEM)
        *ret_error = errno ? errno : EIO;
    return rc;
}

long eddyi_sys_recvfrom(int fd, void *buf, size_t size, int flags, struct sockaddr *addr,
                        unsigned *addrlen)
{
    long n;

    do {
        n = eddyi_fault("recvfrom");
        if (n == 0)
            n = eddyi_sys_result(recvfrom(fd, buf, size, flags | MSG_DONTWAIT, addr, addrlen));
    } while (n == -EINTR);
    return n;
}

long eddyi_sys_sendto(int fd, const void *buf, size_t size, const struct sockaddr *addr,
                      unsigned addrlen)
{
    long n;

    do {
        n = eddyi_fault("sendto");
        if (n == 0)
            n = eddyi_sys_result(sendto(fd, buf, size, MSG_DONTWAIT | MSG_NOSIGNAL, addr, addrlen));
    } while (n == -EINTR);
    return n;
}

int eddyi_sys_hostname(char *buf, size_t size)
{
    return (int)eddyi_sys_result(gethostname(buf, size));
}

/* Fills @buf with random bytes. Before the machine has gathered enough, soon after its start, they
 * come from the clock: waiting would stop the loop. */
void eddyi_sys_random(void *buf, size_t size)
{
    uint64_t clock = (uint64_t)eddyi_sys_now() * UINT64_C(0x9e3779b97f4a7c15);
    unsigned char *bytes = buf;

    if (getrandom(buf, size, GRND_NONBLOCK) == (ssize_t)size)
        return;
    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)(clock >> (56 - i % 8 * 8));
}
