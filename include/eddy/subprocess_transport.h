/*
 * Subprocesses by callbacks (asyncio.SubprocessProtocol, asyncio.SubprocessTransport); in a task
 * use eddy/subprocess.h.
 *
 * As in eddy/transport.h, the loop calls the callbacks, in a copy of the context. The transport
 * lives until connection_lost() has returned, or until its last reference is dropped.
 */
#ifndef EDDY_SUBPROCESS_TRANSPORT_H
#define EDDY_SUBPROCESS_TRANSPORT_H

#include "defs.h"
#include "loop.h"
#include "subprocess.h"
#include "transport.h"

EDDY_BEGIN_DECLS

/* A program that was started, and that calls a protocol. Opaque. */
typedef struct eddy_subprocess_transport eddy_subprocess_transport;

/*
 * A table of functions, which must outlive the processes that use it. A function that is NULL does
 * nothing.
 */
typedef struct eddy_subprocess_protocol {
    void (*connection_made)(void *arg, eddy_subprocess_transport *transport);

    /*
     * Called when the child wrote to its descriptor @fd (1 or 2), which is a pipe; the bytes are
     * valid during the call.
     */
    void (*pipe_data_received)(void *arg, int fd, const void *data, size_t size);

    /*
     * Called when the pipe of the child's descriptor @fd was closed by either side; @e is the error
     * that it broke with, or NULL. Borrows @e.
     */
    void (*pipe_connection_lost)(void *arg, int fd, const eddy_exception *e);

    /* Called when the child has ended; its pipes may still contain bytes. */
    void (*process_exited)(void *arg);

    /* Called last, exactly once: the child has ended, and all its pipes are closed. */
    void (*connection_lost)(void *arg, const eddy_exception *e);

    /* Called for the child's standard input: see eddy_protocol. */
    void (*pause_writing)(void *arg);
    void (*resume_writing)(void *arg);
    void (*eddyi_reserved[4])(void); /* NULL; see docs/abi.md */
} eddy_subprocess_protocol;

/*
 * Makes the protocol of one process, as eddy_protocol_factory does for a connection. Called when
 * the child runs.
 */
typedef int eddy_subprocess_protocol_factory(void *arg,
                                             const eddy_subprocess_protocol **ret_protocol,
                                             void **ret_arg);

/*
 * Start a program, and return after connection_made() was called: eddy_loop_subprocess_exec(loop,
 * factory, arg, &transport, eddy_argv("sort"), .std_in = EDDY_PIPE, …) executes it
 * (loop.subprocess_exec), eddy_loop_subprocess_shell(…, &transport, "sort | uniq", …) runs a
 * command in the shell (loop.subprocess_shell).
 *
 * Options and errors are those of eddy_create_subprocess_exec(); no descriptor is a pipe unless
 * requested. The caller owns *ret_transport; @ret_transport may be NULL.
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
                               const eddy_subprocess_options *options, size_t options_size);
#define eddy_loop_subprocess_exec_with(...)                                                        \
    eddy_loop_subprocess_exec_with(__VA_ARGS__, sizeof(eddy_subprocess_options))
EDDY_API EDDY_AWAITS EDDY_NODISCARD int
eddy_loop_subprocess_shell_with(eddy_loop *loop, eddy_subprocess_protocol_factory *factory,
                                void *arg, eddy_subprocess_transport **ret_transport,
                                const eddy_subprocess_options *options, size_t options_size);
#define eddy_loop_subprocess_shell_with(...)                                                       \
    eddy_loop_subprocess_shell_with(__VA_ARGS__, sizeof(eddy_subprocess_options))

/* Adds a reference to @t and returns @t. */
EDDY_API eddy_subprocess_transport *eddy_subprocess_transport_ref(eddy_subprocess_transport *t);

/* Drops a reference to @t. NULL is allowed. */
EDDY_API void eddy_subprocess_transport_unref(eddy_subprocess_transport *t);

/* Returns the process ID, or -1 once the transport is lost (SubprocessTransport.get_pid). */
EDDY_API pid_t eddy_subprocess_transport_get_pid(const eddy_subprocess_transport *t);

/*
 * Returns the exit status, as eddy_process_returncode() does, and EDDY_RUNNING until
 * process_exited(), which may be called one turn later (SubprocessTransport.get_returncode).
 */
EDDY_API int eddy_subprocess_transport_get_returncode(const eddy_subprocess_transport *t);

/*
 * Send a signal, SIGTERM, or SIGKILL (SubprocessTransport.send_signal, terminate, kill), as
 * eddy_process_send_signal() and so on do. Return -ESRCH once the transport is lost.
 */
EDDY_API int eddy_subprocess_transport_send_signal(eddy_subprocess_transport *t, int signo);
EDDY_API int eddy_subprocess_transport_terminate(eddy_subprocess_transport *t);
EDDY_API int eddy_subprocess_transport_kill(eddy_subprocess_transport *t);

/*
 * Returns the transport of the pipe of the child's descriptor @fd, to write to, close or pause
 * (SubprocessTransport.get_pipe_transport); NULL if it is not a pipe, or is closed. Borrowed.
 */
EDDY_API eddy_transport *
eddy_subprocess_transport_get_pipe_transport(const eddy_subprocess_transport *t, int fd);

/*
 * Closes the pipes, and kills the child if it still runs (SubprocessTransport.close);
 * connection_lost() is called when both are done. Closing twice is harmless.
 */
EDDY_API void eddy_subprocess_transport_close(eddy_subprocess_transport *t);

/* Returns whether the transport is closed or being closed (Transport.is_closing). */
EDDY_API bool eddy_subprocess_transport_is_closing(const eddy_subprocess_transport *t);

EDDY_END_DECLS

#ifdef __cplusplus
EDDY_NODISCARD static inline int
eddy_loop_subprocess_exec(eddy_loop *loop, eddy_subprocess_protocol_factory *factory, void *arg,
                          eddy_subprocess_transport **ret_transport, const char *const *argv,
                          eddy_subprocess_options options = eddy_subprocess_options())
{
    options.argv = argv;
    return eddy_loop_subprocess_exec_with(loop, factory, arg, ret_transport, &options);
}
EDDY_NODISCARD static inline int
eddy_loop_subprocess_shell(eddy_loop *loop, eddy_subprocess_protocol_factory *factory, void *arg,
                           eddy_subprocess_transport **ret_transport, const char *command,
                           eddy_subprocess_options options = eddy_subprocess_options())
{
    options.command = command;
    return eddy_loop_subprocess_shell_with(loop, factory, arg, ret_transport, &options);
}
#endif

#endif
