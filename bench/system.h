/*
 * The loads of the rows about pipes, names, processes and files, the same for eddy and its peers.
 */
#ifndef EDDY_BENCH_SYSTEM_H
#define EDDY_BENCH_SYSTEM_H

#include "clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    SMALL_MESSAGE = 64, /* bytes that go through a pipe and come back through another */
    LARGE_MESSAGE = 65536,
    N_SMALL_MESSAGES = 100000,
    N_LARGE_MESSAGES = 10000,
    N_LOOKUPS = 10000,
    LOOKUPS_AT_ONCE = 1000,
    N_SPAWNS = 200,
    N_SPAWNS_LARGE = 20,  /* a fork of 4 GiB takes a second on some machines */
    N_POOL_TRIPS = 10000, /* jobs of a process pool, one at a time */
    N_POOL_JOBS = 50000,
    POOL_JOBS_AT_ONCE = 1000,
    POOL_PROCESSES = 2,
    DIRECT_BLOCK = 4096,
    DIRECT_DEPTH = 32,
    N_DIRECT_READS = 40000
};

/* The program that is started: it ends at once. */
#define SPAWNED "/bin/true"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22 /* Linux 5.14 */
#endif

/* Occupies @mib MiB of page tables, which a fork copies, as those of a large program. The pages are
 * all the one of zeros, so this takes neither memory nor much time; one is written, since a fork
 * copies nothing of a mapping without. */
static inline bool occupy(long mib)
{
    size_t size = (size_t)mib << 20;
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED || madvise(memory, size, MADV_NOHUGEPAGE) < 0)
        return false;
    memory[0] = 1;
    return madvise(memory, size, MADV_POPULATE_READ) == 0;
}

/* Returns the MiB that a workload spawn_10m or spawn_4g occupies. */
static inline long spawn_mib(const char *workload)
{
    return strstr(workload, "4g") ? 4096 : 10;
}

static inline long spawn_count(const char *workload)
{
    return strstr(workload, "4g") ? N_SPAWNS_LARGE : N_SPAWNS;
}

/* Formats the @i-th name; with_names.c answers it with name_address(i). */
static inline void name_of(long i, char ret[static 32])
{
    snprintf(ret, 32, "h%ld.bench.test", i % LOOKUPS_AT_ONCE);
}
static inline uint32_t name_address(long i)
{
    return 0x0a000000u + (uint32_t)(i % LOOKUPS_AT_ONCE); /* 10.0.0.0 and up */
}

/* Opens the file of run.py's for reads past the cache. Sets its number of blocks. Returns the
 * descriptor, or -errno. */
static inline int open_direct(uint64_t *ret_blocks)
{
    const char *path = getenv("BENCH_FILE");
    int fd = open(path ? path : "build/bench/blocks", O_RDONLY | O_DIRECT | O_CLOEXEC);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return -errno;
    *ret_blocks = (uint64_t)st.st_size / DIRECT_BLOCK;
    return fd;
}

/* Returns whether a block is the @i-th: each begins with its number. */
static inline bool is_block(const void *block, uint64_t i)
{
    return memcmp(block, &i, sizeof i) == 0;
}

/* Returns the processor time that this process has used, all its threads, in nanoseconds. */
static inline uint64_t cpu_now(void)
{
    struct rusage used;

    getrusage(RUSAGE_SELF, &used);
    return (uint64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000000u +
           (uint64_t)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1000u;
}

#endif
