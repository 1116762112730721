/*
 * The time that the threads of a process have run, and the time that they have waited for a
 * processor, in nanoseconds (schedstat of proc(5)); its child processes are part of it.
 */
#ifndef EDDY_BENCH_PROCESS_TIME_H
#define EDDY_BENCH_PROCESS_TIME_H

#include <sys/types.h>

struct process_time {
    double ran, waited;
};

/* Returns the times of all threads that exist now, including the kernel's threads that work for the
 * process; zeros if @pid is 0. */
struct process_time process_time(pid_t pid);

/* Returns the process's resident memory and page tables, in bytes. */
double process_memory(pid_t pid);

#endif
