/*
 * The shared declarations of eddy-bench's workloads. Each file has the workloads of one area;
 * eddy_bench.c has the table.
 *
 * A workload does @n operations with @live objects (tasks, timers, waiters) that exist at the same
 * time, prints its figures with bench_print(), and returns 0, or a status < 0 if it could not.
 */
#ifndef EDDY_BENCH_H
#define EDDY_BENCH_H

#include "clock.h"
#include "eddy.h"

typedef int bench_fn(long n, long live);

bench_fn bench_switch, bench_spawn_join, bench_spawn_gather, bench_spawn_gather_eager, bench_memory;
bench_fn bench_switch_raw, bench_sleepers_raw, bench_sleepers_raw_pages;
bench_fn bench_timer_cancel, bench_timer_cancel_later, bench_timer_push, bench_sleepers;
bench_fn bench_queue, bench_queue_alike, bench_lock;
bench_fn bench_call_soon, bench_call_soon_chain;
bench_fn bench_post_rt, bench_post_rt_busy, bench_post_flood, bench_executor_rt,
    bench_executor_flood;
bench_fn bench_file, bench_direct;
bench_fn bench_pipe, bench_names, bench_spawn, bench_process_pool;
bench_fn bench_echo, bench_echo_streams;

/* Prints "eddy WORKLOAD VALUE UNIT", with @suffix appended to the name of the running workload. */
void bench_print(const char *suffix, double value, const char *unit);

/* Prints the time per operation, for @n operations that began at @began. */
void bench_print_each(const char *suffix, uint64_t began, double n, const char *unit);

#endif
