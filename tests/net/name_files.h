/*
 * Files of a test's own in the place of /etc/resolv.conf, /etc/hosts and /etc/nsswitch.conf.
 */
#ifndef EDDY_TEST_NAME_FILES_H
#define EDDY_TEST_NAME_FILES_H

#include "io/sockets.h"
#include "net/resolver.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct name_files {
    char folder[32], resolv_conf[48], hosts[48], nsswitch[48];
};

/* Makes a loop use them. None of them is there at first. */
static inline void name_files_open(struct name_files *f, eddy_loop *loop)
{
    struct eddyi_resolver *r = eddyi_resolver_of(loop);

    if (!eddyi_has_cares)
        SKIP("built without c-ares");
    REQUIRE(r != NULL);
    strcpy(f->folder, "/tmp/eddy-names-XXXXXX");
    REQUIRE(mkdtemp(f->folder) != NULL);
    snprintf(f->resolv_conf, sizeof f->resolv_conf, "%s/resolv.conf", f->folder);
    snprintf(f->hosts, sizeof f->hosts, "%s/hosts", f->folder);
    snprintf(f->nsswitch, sizeof f->nsswitch, "%s/nsswitch.conf", f->folder);
    r->files.resolv_conf = f->resolv_conf;
    r->files.hosts = f->hosts;
    r->files.nsswitch = f->nsswitch;
    unsetenv("EDDY_RESOLVER");
    unsetenv("LOCALDOMAIN");
    unsetenv("RES_OPTIONS");
}

/* Makes a loop ignore the files of this machine. */
static inline void name_files_none(eddy_loop *loop)
{
    struct eddyi_resolver *r = eddyi_resolver_of(loop);

    REQUIRE(r != NULL);
    r->files.resolv_conf = r->files.hosts = r->files.nsswitch = "/nonexistent";
}

/* Puts a file in the place of the one there was, as programs do that configure networks. */
__attribute__((format(printf, 2, 3))) static inline void name_file_write(const char *path,
                                                                         const char *format, ...)
{
    char fresh[64];
    va_list args;
    FILE *file;

    snprintf(fresh, sizeof fresh, "%s.new", path);
    file = fopen(fresh, "we");
    REQUIRE(file != NULL);
    va_start(args, format);
    vfprintf(file, format, args);
    va_end(args);
    REQUIRE(fclose(file) == 0 && rename(fresh, path) == 0);
}

static inline void name_files_close(const struct name_files *f)
{
    unlink(f->resolv_conf);
    unlink(f->hosts);
    unlink(f->nsswitch);
    rmdir(f->folder);
}

/* The addresses of a host, "192.0.2.1 2001:db8::1", or "" and *ret_rc. */
static inline const char *name_find(const char *host, int family, int *ret_rc)
{
    static char text[512];
    struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM}, *list = NULL;
    char one[NI_MAXHOST];
    size_t n = 0;

    text[0] = '\0';
    *ret_rc = eddy_getaddrinfo(host, NULL, &hints, &list);
    for (const struct addrinfo *a = list; a; a = a->ai_next) {
        eddyi_address_host(a->ai_addr, one, sizeof one);
        n += (size_t)snprintf(text + n, n < sizeof text ? sizeof text - n : 0, "%s%s", n ? " " : "",
                              one);
    }
    eddy_freeaddrinfo(list);
    return text;
}

#endif
