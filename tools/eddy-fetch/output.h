/*
 * The file for a body: written under a temporary name, and renamed when it is complete. A failure
 * before that leaves nothing.
 *
 * Files are written on the loop's thread: a slow disk holds up all transfers, and their data wait
 * in the kernel's socket buffers meanwhile.
 */
#ifndef OUTPUT_H
#define OUTPUT_H

#include <stddef.h>

struct output {
    /* the directory's descriptor; -1: bodies are not kept, and all calls do nothing */
    int dir;
    int fd;           /* of the temporary file; -1: none */
    int error;        /* the -errno of the write that failed, or 0 */
    const char *name; /* the final name, borrowed */
    char temporary[48];
};

/*
 * Opens a directory for output, creating it if needed. Returns its descriptor, or a negative status
 * after printing why.
 */
int output_open_directory(const char *path);

/* Creates the temporary file. Returns 0 or a raised -errno. */
int output_open(struct output *out, int dir, const char *name);

/* Writes all bytes. Returns 0 or -errno, also in out->error. Raises nothing, so that callbacks can
 * call it. */
int output_write(struct output *out, const void *data, size_t size);

/* Completes the file. Returns 0 when it is on the disk under its own name; otherwise raises an
 * error and leaves nothing. */
int output_commit(struct output *out);

/* Drops a file that is not wanted or not complete. May be called at any time after output_open(),
 * and twice. */
void output_discard(struct output *out);

#endif
