/*
 * A program is started, and ends, from a small parent and from a large one.
 */
#include "bench.h"
#include "system.h"

static eddy_async(spawn_and_wait, (long, n))
{
    uint64_t began = 0;

    for (long i = -1; i < n; i++) {
        eddy_process *process;
        int code;

        if (i == 0) /* the first one warmed up */
            began = bench_now();
        eddy_try(eddy_create_subprocess_exec(eddy_argv(SPAWNED), &process));
        eddy_process_free_at_end(process);
        eddy_try(eddy_process_wait(process, &code));
        if (code != 0)
            return eddy_raise(EDDY_EUSER, "it returned %d", code);
    }
    bench_print("", (double)(bench_now() - began) / (double)n / 1e3, "us");
    return 0;
}

/* @live: the MiB of the parent. */
int bench_spawn(long n, long live)
{
    if (!occupy(live))
        return -ENOMEM;
    return eddy_run(spawn_and_wait(n));
}
