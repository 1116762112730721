/*
 * Inspecting a running program: its tasks, where each of them is, and which tasks wait for it.
 *
 * From outside, `eddy ps PID` and `eddy pstree PID` show the same without any help from the
 * program, even if it hangs. With EDDY_DUMP_SIGNAL=USR1 in its environment (the name or number of a
 * signal that the program does not use) every loop dumps its tasks to standard error when that
 * signal arrives; a loop that does not respond to the first signal does so at the second.
 */
#ifndef EDDY_DEBUG_H
#define EDDY_DEBUG_H

#include "defs.h"

#include <stdio.h>

EDDY_BEGIN_DECLS

/*
 * Writes a report on each task of @loop that has not ended to the descriptor @fd: its name, its
 * state, the object that it waits for and since when, the tasks that wait for it, the place where
 * it was created, and the coroutines and C functions it is in. @loop NULL means the running loop.
 * Must be called in the loop's thread. Returns 0, EDDY_ENOLOOP, EDDY_ETHREAD, EDDY_ECLOSED, or the
 * error of writing to @fd.
 */
EDDY_API int eddy_dump_tasks(eddy_loop *loop, int fd);

/* A coroutine in progress (asyncio.FrameCallGraphEntry). */
typedef struct eddy_frame_call_graph_entry {
    const char *function; /* its name */
    /* "file.c:12" or "function+0x34": the place where it was made; NULL: unknown */
    const char *where;
} eddy_frame_call_graph_entry;

/* A future or task, its call stack, and the futures that wait for it (asyncio.FutureCallGraph). */
typedef struct eddy_future_call_graph eddy_future_call_graph;
struct eddy_future_call_graph {
    eddy_future *future;                           /* the graph holds a reference */
    const eddy_frame_call_graph_entry *call_stack; /* of a task: its coroutines, innermost first */
    size_t n_call_stack;
    eddy_future_call_graph *const *awaited_by;
    size_t n_awaited_by;
    /* awaited_by is left out: the graph would lead back to this future, or has become too large */
    bool cut;
};

/* The keyword arguments of capture_call_graph. None is required. */
typedef struct eddy_call_graph_options {
    unsigned depth; /* the number of innermost coroutines of the running task to leave out */
    /* the number of entries of each stack: > 0 the outermost, < 0 the innermost; 0: all */
    int limit;
    bool no_stack; /* no call stacks at all (limit=0 in Python) */
} eddy_call_graph_options;

/*
 * Captures the futures that wait for @future, those that wait for them, and so on
 * (asyncio.capture_call_graph). @future NULL means the current task; *ret is NULL if there is none.
 * @options may be NULL. Must be called in the loop's thread. The caller owns *ret, and frees it
 * with eddy_call_graph_free(). Returns 0, EDDY_ENOLOOP, EDDY_ETHREAD or -ENOMEM.
 */
EDDY_API EDDY_NODISCARD int eddy_capture_call_graph(eddy_future *future,
                                                    const eddy_call_graph_options *options,
                                                    eddy_future_call_graph **ret,
                                                    size_t options_size);
#define eddy_capture_call_graph(...)                                                               \
    eddy_capture_call_graph(__VA_ARGS__, sizeof(eddy_call_graph_options))

/* Frees a call graph. NULL is allowed. */
EDDY_API void eddy_call_graph_free(eddy_future_call_graph *graph);

/*
 * Writes the call graph of @future as text, one line for each future and coroutine, to the @size
 * bytes at @buf (asyncio.format_call_graph). Returns the length of the text as snprintf() does, or
 * the errors of eddy_capture_call_graph().
 */
EDDY_API int eddy_format_call_graph(eddy_future *future, const eddy_call_graph_options *options,
                                    char *buf, size_t size, size_t options_size);
#define eddy_format_call_graph(...)                                                                \
    eddy_format_call_graph(__VA_ARGS__, sizeof(eddy_call_graph_options))

/*
 * Writes the call graph of @future as text to @file (asyncio.print_call_graph); NULL means stdout.
 * Returns 0, or the errors of eddy_capture_call_graph().
 */
EDDY_API int eddy_print_call_graph(eddy_future *future, const eddy_call_graph_options *options,
                                   FILE *file, size_t options_size);
#define eddy_print_call_graph(...)                                                                 \
    eddy_print_call_graph(__VA_ARGS__, sizeof(eddy_call_graph_options))

EDDY_END_DECLS

#endif
