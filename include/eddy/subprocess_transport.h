/*
 * Subprocesses by callbacks (asyncio.SubprocessProtocol and SubprocessTransport); with tasks, see
 * eddy/subprocess.h.
 *
 * As eddy/transport.h has it: callbacks are called by the loop, in a copy of the context; the
 * transport lives until connection_lost() has returned, or until the last reference goes.
 */
#ifndef EDDY_SUBPROCESS_TRANSPORT_H
#define EDDY_SUBPROCESS_TRANSPORT_H

#include "defs.h"
#include "loop.h"
#include "subprocess.h"
#include "transport.h"

EDDY_BEGIN_DECLS

typedef struct eddy_subprocess_transport eddy_subprocess_transport;

/* What is NULL does nothing. Must outlive the processes that use it. */
typedef struct eddy_subprocess_protocol {
    void (*connection_made)(void *arg, eddy_subprocess_transport *transport);

    /* The child wrote to its descriptor @fd (1 or 2), which is a pipe; the bytes are valid during
     * the call. */
    void (*pipe_data_received)(void *arg, int fd, const void *data, size_t size);

    /* The pipe of its descriptor @fd was closed by either side; @e: with what it broke, or NULL. */
    void (*pipe_connection_lost)(void *arg, int fd, const eddy_exception *e);

    /* It has ended; its pipes may still have something. */
    void (*process_exited)(void *arg);

    /* The last call, exactly one: it has ended, and all its pipes are closed. */
    void (*connection_lost)(void *arg, const eddy_exception *e);

    /* Of its standard input: see eddy_protocol. */
    void (*pause_writing)(void *arg);
    void (*resume_writing)(void *arg);
} eddy_subprocess_protocol;

/* As eddy_protocol_factory; called when the child runs. */
typedef int eddy_subprocess_protocol_factory(void *arg,
                                             const eddy_subprocess_protocol **ret_protocol,
                                             void **ret_arg);

/*
 * eddy_loop_subprocess_exec(loop, factory, arg, &transport, eddy_argv("sort"), .std_in = EDDY_PIPE,
 * …): starts a program, and returns after connection_made() (loop.subprocess_exec);
 * eddy_loop_subprocess_shell(…, &transport, "sort | uniq", …) has the shell run a command. Options
 * and errors are those of eddy_create_subprocess_exec(): nothing is a pipe that is not asked for.
 * *ret_transport is a reference, the caller's; it may be NULL.
 *
 * Cancelled: the child is killed.
 */
#ifndef __cplusplus
#define eddy_loop_subprocess_exec(loop, factory, arg, ret_transport, ...)                          \
    eddy_loop_subprocess_exec_with((loop), (factory), (arg), (ret_transport),                      \
                                   &(eddy_subprocess_options){.argv = __VA_ARGS__})
#define eddy_loop_subprocess_shell(loop, factory, arg, ret_transport, ...)                         \
    eddy_loop_subprocess_shell_with((loop), (factory), (arg), (ret_transport),                     \
                                    &(eddy_subprocess_options){.command = __VA_ARGS__})
#endif
EDDY_API EDDY_AWAITS EDDY_NODISCARD int
eddy_loop_subprocess_exec_with(eddy_loop *loop, eddy_subprocess_protocol_factory *factory,
                               void *arg, eddy_subprocess_transport **ret_transport,
                               const eddy_subprocess_options *options);
EDDY_API EDDY_AWAITS EDDY_NODISCARD int
eddy_loop_subprocess_shell_with(eddy_loop *loop, eddy_subprocess_protocol_factory *factory,
                                void *arg, eddy_subprocess_transport **ret_transport,
                                const eddy_subprocess_options *options);

/* NULL is allowed in the second. */
EDDY_API eddy_subprocess_transport *eddy_subprocess_transport_ref(eddy_subprocess_transport *t);
EDDY_API void eddy_subprocess_transport_unref(eddy_subprocess_transport *t);

/* As eddy_process_pid() and so on; -1 and -ESRCH once it is lost. */
EDDY_API pid_t eddy_subprocess_transport_get_pid(const eddy_subprocess_transport *t);
/* EDDY_RUNNING until process_exited(), which may be told in the next turn. */
EDDY_API int eddy_subprocess_transport_get_returncode(const eddy_subprocess_transport *t);
EDDY_API int eddy_subprocess_transport_send_signal(eddy_subprocess_transport *t, int signo);
EDDY_API int eddy_subprocess_transport_terminate(eddy_subprocess_transport *t);
EDDY_API int eddy_subprocess_transport_kill(eddy_subprocess_transport *t);

/* The pipe to or from the child's descriptor @fd: to write to, close, pause. Borrowed; NULL: it is
 * no pipe, or is closed. */
EDDY_API eddy_transport *
eddy_subprocess_transport_get_pipe_transport(const eddy_subprocess_transport *t, int fd);

/* Closes the pipes, and kills the child if it still runs; connection_lost() comes when that is
 * done. Twice is harmless. */
EDDY_API void eddy_subprocess_transport_close(eddy_subprocess_transport *t);
EDDY_API bool eddy_subprocess_transport_is_closing(const eddy_subprocess_transport *t);

EDDY_END_DECLS

#endif
