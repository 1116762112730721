/*
 * What eddy keeps per thread, and how it goes when the thread ends.
 *
 * Layers keep thread-local variables of their own; one that owns memory registers how to free it.
 */
#ifndef EDDYI_THREAD_H
#define EDDYI_THREAD_H

/* Thread-local, and reached without a call even from a shared library. */
#define EDDYI_THREAD_LOCAL _Thread_local __attribute__((tls_model("initial-exec")))

/*
 * Has cleanup() called when this thread ends. A layer calls it before it first keeps something; the
 * same function is registered once. Cannot fail: without a slot the memory stays until the process
 * ends.
 */
void eddyi_thread_at_exit(void (*cleanup)(void));

/* Does now what the end of the thread would do. */
void eddyi_thread_cleanup(void);

#endif
