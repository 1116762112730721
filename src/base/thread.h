/*
 * Thread-local state, and its release at the end of the thread.
 *
 * Layers have thread-local variables of their own; a layer whose variable owns memory registers a
 * function to free it.
 */
#ifndef EDDYI_THREAD_H
#define EDDYI_THREAD_H

/* Declares a thread-local variable that is reached without a call, even from a shared library. */
#define EDDYI_THREAD_LOCAL _Thread_local __attribute__((tls_model("initial-exec")))

/*
 * Has cleanup() called when this thread ends. A layer calls it before it first stores something;
 * the same function is registered once. Cannot fail: without a slot the memory stays until the
 * process ends.
 */
void eddyi_thread_at_exit(void (*cleanup)(void));

/* Calls now what would be called at the end of the thread. */
void eddyi_thread_cleanup(void);

#endif
