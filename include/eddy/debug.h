/*
 * Looking at a program that runs: which tasks there are, where each one is, and who waits for whom.
 *
 * From outside, `eddy ps PID` and `eddy pstree PID` show the same without any help from the
 * program, even if it hangs. With EDDY_DUMP_SIGNAL=USR1 in its environment (a name or number of a
 * signal the program has no use for) every loop dumps its tasks to standard error when that signal
 * comes; one that does not react to the first does so at the second.
 */
#ifndef EDDY_DEBUG_H
#define EDDY_DEBUG_H

#include "defs.h"

#include <stdio.h>

EDDY_BEGIN_DECLS

/*
 * Writes to the descriptor @fd, for each task of the loop (NULL: the current one) that has not
 * ended: its name, state, what it waits for and since when, who waits for it, where it was created,
 * the coroutines and the C functions it is in. In the loop's thread. Returns 0, EDDY_ENOLOOP,
 * EDDY_ETHREAD, EDDY_ECLOSED, or why @fd cannot be written.
 */
EDDY_API int eddy_dump_tasks(eddy_loop *loop, int fd);

/* A coroutine in progress (asyncio.FrameCallGraphEntry). */
typedef struct eddy_frame_call_graph_entry {
    const char *function; /* its name */
    const char *where;    /* "file.c:12" or "function+0x34": where it was made; NULL: not known */
} eddy_frame_call_graph_entry;

/* A future or task, where it is, and who waits for it (asyncio.FutureCallGraph). */
typedef struct eddy_future_call_graph eddy_future_call_graph;
struct eddy_future_call_graph {
    eddy_future *future;                           /* the graph has a reference */
    const eddy_frame_call_graph_entry *call_stack; /* the innermost coroutine first; of a task */
    size_t n_call_stack;
    eddy_future_call_graph *const *awaited_by;
    size_t n_awaited_by;
    /* who waits is left out: the graph leads back to itself here, or has become too large */
    bool cut;
};

typedef struct eddy_call_graph_options {
    unsigned depth; /* of the running task, so many of the innermost coroutines are left out */
    int limit;      /* of each stack only so many: > 0 the outermost, < 0 the innermost; 0: all */
    bool no_stack;  /* no call stacks at all (limit=0 in Python) */
} eddy_call_graph_options;

/*
 * Captures who waits for @future, and for those, and so on (asyncio.capture_call_graph). NULL for
 * @future is the current task; *ret is NULL if there is none. @options may be NULL. In the thread
 * of the loop. Returns 0 and the graph, to be given to eddy_call_graph_free(), or EDDY_ENOLOOP,
 * EDDY_ETHREAD, -ENOMEM.
 */
EDDY_API EDDY_NODISCARD int eddy_capture_call_graph(eddy_future *future,
                                                    const eddy_call_graph_options *options,
                                                    eddy_future_call_graph **ret);
EDDY_API void eddy_call_graph_free(eddy_future_call_graph *graph); /* NULL is allowed */

/*
 * The same as text, one line for each future and coroutine (format_call_graph); as snprintf() does,
 * returns how long the text is, or an error as above. print writes it to @file (NULL: stdout), and
 * returns 0.
 */
EDDY_API int eddy_format_call_graph(eddy_future *future, const eddy_call_graph_options *options,
                                    char *buf, size_t size);
EDDY_API int eddy_print_call_graph(eddy_future *future, const eddy_call_graph_options *options,
                                   FILE *file);

EDDY_END_DECLS

#endif
