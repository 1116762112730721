/*
 * Where a body goes: a file, standard output, or nowhere.
 *
 * A file is written under a temporary name, and renamed when it is complete; a failure before that
 * leaves nothing. A file that is to be continued is written where it is, and what there is of it
 * stays; so is one that is no regular file, as /dev/null.
 *
 * Files are written on the loop's thread: a slow disk or reader of standard output holds up all
 * transfers, and their data wait in the kernel's socket buffers meanwhile.
 */
#ifndef OUTPUT_H
#define OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct output {
    int dir;   /* names are relative to this directory: a descriptor, or AT_FDCWD */
    int fd;    /* -1: all calls do nothing */
    int error; /* the -errno of the write that failed, or 0 */
    const char
        *name;       /* the final name, borrowed; "-": standard output; NULL: the body is dropped */
    char *temporary; /* the name while it is incomplete; NULL: it is written where it is */
    uint64_t offset; /* bytes that were there before */
};

/*
 * Opens a directory for output, creating it if needed. Returns its descriptor, or a negative status
 * after printing why.
 */
int output_open_directory(const char *path);

/* Opens the output. With @resume a file that exists is continued. Returns 0 or a raised -errno. */
int output_open(struct output *out, int dir, const char *name, bool resume);

/* Forgets the bytes that were there before: the server sends all of them. Returns 0 or -errno, also
 * in out->error. */
int output_restart(struct output *out);

/* Writes all bytes. Returns 0 or -errno, also in out->error. Raises nothing, so that callbacks can
 * call it. */
int output_write(struct output *out, const void *data, size_t size);

/* Completes the file. Returns 0 when it is on the disk under its own name; otherwise raises an
 * error and leaves nothing of a temporary file. */
int output_commit(struct output *out);

/* Drops a temporary file that is not wanted or not complete. May be called at any time after
 * output_open(), and twice. */
void output_discard(struct output *out);

#endif
