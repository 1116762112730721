/*
 * Random reads of a file past the cache (O_DIRECT), several at once.
 */
#include "bench.h"
#include "system.h"

static eddy_async(read_blocks, (int, fd), (uint64_t, n_blocks), (uint64_t, seed), (long, n))
{
    char *block = aligned_alloc(DIRECT_BLOCK, DIRECT_BLOCK);
    int rc = block ? 0 : -ENOMEM;

    for (long i = 0; rc == 0 && i < n; i++) {
        uint64_t at = bench_random(&seed) % n_blocks;
        ssize_t size = eddy_file_read(fd, block, DIRECT_BLOCK, (int64_t)(at * DIRECT_BLOCK));

        if (size < 0)
            rc = (int)size;
        else if (size != DIRECT_BLOCK || !is_block(block, at))
            rc = eddy_raise(EDDY_EUSER, "another block");
    }
    free(block);
    return rc;
}

static eddy_async(read_at_once, (long, n), (long, live))
{
    uint64_t n_blocks = 0, began, cpu;
    int fd = open_direct(&n_blocks);
    eddy_group tg;

    eddy_try(fd);
    began = bench_now();
    cpu = cpu_now();
    eddy_group_enter(&tg);
    for (long i = 0; i < live; i++)
        (void)eddy_group_create_task(&tg,
                                     read_blocks(fd, n_blocks, BENCH_SEED + (uint64_t)i, n / live));
    eddy_try(eddy_group_exit(&tg, 0));
    bench_print("", (double)(bench_now() - began) / (double)n / 1e3, "us");
    bench_print("_cpu", (double)(cpu_now() - cpu) / (double)n, "ns");
    return eddy_file_close(fd);
}

int bench_direct(long n, long live)
{
    return eddy_run(read_at_once(n, live));
}
