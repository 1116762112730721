/*
 * Reading blocks of a cached file, for which no task has to wait.
 */
#include "bench.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

enum { BLOCK = 4096, N_BLOCKS = 256 };

static char block[BLOCK];

/* Measures two calls for comparison: the one that blocks if it must, and the one that does not. */
static void read_plainly(int fd, long n)
{
    struct iovec iov = {block, BLOCK};
    uint64_t began = bench_now();

    for (long i = 0; i < n; i++) {
        if (pread(fd, block, BLOCK, i % N_BLOCKS * BLOCK) != BLOCK)
            return;
    }
    bench_print_each("_pread", began, (double)n, "ns");
    began = bench_now();
    for (long i = 0; i < n; i++) {
        if (preadv2(fd, &iov, 1, i % N_BLOCKS * BLOCK, RWF_NOWAIT) != BLOCK)
            return;
    }
    bench_print_each("_preadv2", began, (double)n, "ns");
}

static eddy_async(read_blocks, (const char *, directory), (long, n))
{
    int fd = eddy_file_open_temporary(directory);
    uint64_t began;

    eddy_try(fd);
    for (int i = 0; i < N_BLOCKS; i++)
        eddy_try(eddy_file_write_fully(fd, block, BLOCK, (int64_t)i * BLOCK, NULL));
    began = bench_now();
    for (long i = 0; i < n; i++) {
        ssize_t size = eddy_file_read(fd, block, BLOCK, i % N_BLOCKS * BLOCK);

        if (size != BLOCK)
            return size < 0 ? (int)size : eddy_raise(EDDY_EUSER, "a block of %zd bytes", size);
    }
    bench_print_each("", began, (double)n, "ns");
    read_plainly(fd, n);
    return eddy_file_close(fd);
}

int bench_file(long n, long live)
{
    const char *directory = getenv("TMPDIR");

    return eddy_run(read_blocks(directory ? directory : "/tmp", n));
}
