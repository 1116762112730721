/*
 * How long the threads of a process have run, and how long they have waited for a processor, in
 * nanoseconds (schedstat of proc(5)).
 */
#ifndef EDDY_BENCH_PROCESS_TIME_H
#define EDDY_BENCH_PROCESS_TIME_H

#include <sys/types.h>

struct process_time {
    double ran, waited;
};

/* Of all threads that there are now, those of the kernel's that work for the process included;
 * zeros if @pid is 0. */
struct process_time process_time(pid_t pid);

#endif
