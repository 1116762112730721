/*
 * For tests of files: a directory of their own, and what is in a file.
 */
#ifndef EDDY_TEST_PLACES_H
#define EDDY_TEST_PLACES_H

#include "harness/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A directory for one test, and paths in it. */
struct place {
    char dir[40], a[60], b[60];
};

static inline struct place place_make(void)
{
    struct place p = {.dir = "/tmp/eddy-test-XXXXXX"};

    REQUIRE(mkdtemp(p.dir) != NULL);
    snprintf(p.a, sizeof p.a, "%s/a", p.dir);
    snprintf(p.b, sizeof p.b, "%s/b", p.dir);
    return p;
}

/* Returns whether it contained only the two entries. */
static inline bool place_remove(const struct place *p)
{
    remove(p->a);
    remove(p->b);
    return rmdir(p->dir) == 0;
}

static inline void fill(const char *path, const char *text)
{
    FILE *f = fopen(path, "we");

    REQUIRE(f != NULL);
    fputs(text, f);
    fclose(f);
}

static inline bool holds(const char *path, const char *text)
{
    char buf[100] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof buf - 1);

    if (fd >= 0)
        close(fd);
    return n >= 0 && strcmp(buf, text) == 0;
}

/* From the file's own position, where each call may bring a piece. */
static inline ssize_t read_to_end(int fd, char *buf, size_t size)
{
    size_t got = 0;
    ssize_t n;

    do {
        n = eddy_file_read(fd, buf + got, size - got, -1);
        got += n > 0 ? (size_t)n : 0;
    } while (n > 0);
    return n < 0 ? n : (ssize_t)got;
}

#endif
