/*
 * The file a body goes to: written under a temporary name, and given its own only when everything
 * is there. Whatever happens before leaves nothing.
 *
 * Files are written on the loop's thread: a slow disk holds up all transfers, and their data waits
 * in the kernel's socket buffers meanwhile.
 */
#ifndef OUTPUT_H
#define OUTPUT_H

#include <stddef.h>

struct output {
    /* the directory's descriptor; -1: bodies are not kept, and all calls do nothing */
    int dir;
    int fd;           /* of the temporary file; -1 when there is none */
    int error;        /* the -errno of the write that failed; 0 */
    const char *name; /* what the file will be called, borrowed */
    char temporary[48];
};

/*
 * Opens a directory for output, making it if it is not there. Returns its descriptor, or a negative
 * status after saying why.
 */
int output_open_directory(const char *path);

/* Creates the temporary file. Returns 0, or -errno as a raised error. */
int output_open(struct output *out, int dir, const char *name);

/* Writes everything. Returns 0 or -errno, which also goes to out->error; raises nothing, so
 * callbacks can call it. */
int output_write(struct output *out, const void *data, size_t size);

/* The file is complete: it is on the disk, under its own name, when this returns 0; else nothing is
 * left, as a raised error. */
int output_commit(struct output *out);

/* The file is not wanted, or not complete. May be called at any time after output_open(), and
 * twice. */
void output_discard(struct output *out);

#endif
