/*
 * Subprocesses: running other programs and waiting for them without blocking the loop
 * (asyncio.subprocess).
 *
 *     eddy_process *proc;
 *     const char *line;
 *     ssize_t n;
 *
 *     eddy_try(eddy_create_subprocess_exec(eddy_argv("ls", "-l"), &proc, .std_out = EDDY_PIPE));
 *     eddy_process_free_at_end(proc);              // however this function is left
 *     while ((n = eddy_reader_readline(eddy_process_stdout(proc), &line)) > 0)
 *         printf("%.*s", (int)n, line);
 *     eddy_try(eddy_process_wait(proc, &returncode));
 *
 * The end of a child is noticed through a pidfd: there is no handler for SIGCHLD, so the loop of
 * any thread can have subprocesses, and other code of the program may have children of its own.
 * That code must not wait for all children (wait(), waitpid(-1)) and must not ignore SIGCHLD, or
 * the exit status is lost.
 *
 * A child has the descriptors 0, 1 and 2 and those that are passed to it, and no others. It starts
 * with no signal blocked and no signal handler; signals that its parent ignores stay ignored,
 * except for SIGPIPE and SIGXFSZ.
 *
 * Two pitfalls. A child that writes to a pipe without a reader stops when the pipe is full (usually
 * after 64 KiB), so waiting for its end before reading its output can take forever;
 * eddy_process_communicate() does both at the same time. And a pipe is at its end only when every
 * process has closed it: a process that the child left running in the background keeps it open.
 */
#ifndef EDDY_SUBPROCESS_H
#define EDDY_SUBPROCESS_H

#include "defs.h"
#include "stream.h"

#include <limits.h>
#include <sys/types.h>

EDDY_BEGIN_DECLS

/* A program that was started (asyncio.subprocess.Process). Opaque. */
typedef struct eddy_process eddy_process;

/*
 * Values for a child's standard input, output and error: one of these, or a descriptor (eddy_fd()
 * passes a 0). None of these is a value that a failed call returns: passing on the result of a
 * failed open() raises -EBADF.
 */
enum {
    EDDY_INHERIT = 0,           /* the parent's descriptor (None) */
    EDDY_PIPE = INT_MIN + 1,    /* a pipe; the parent has its other end as a stream */
    EDDY_STDOUT = INT_MIN + 2,  /* for standard error: the same as standard output */
    EDDY_DEVNULL = INT_MIN + 3, /* /dev/null */
};

/* For process_group: a new process group, whose number is the child's. */
enum { EDDY_NEW_GROUP = -1 };

/* For umask: masks nothing. */
enum { EDDY_NO_UMASK = -1 };

/* The value of eddy_process_returncode() while the process has not ended. */
#define EDDY_RUNNING INT_MIN

/* The arguments of a program; the first is its name: eddy_argv("ls", "-l"). */
#ifndef __cplusplus
#define eddy_argv(...) ((const char *const[]){__VA_ARGS__, NULL})
#endif

/* The arguments of eddy_create_subprocess_exec() and _shell(). Program and output are required. */
typedef struct eddy_subprocess_options {
    union {
        /* of _exec: NULL-terminated, at least one; main()'s argv needs a cast */
        const char *const *argv;
        const char *command; /* of _shell */
    };
    eddy_process **ret_process;

    int std_in, std_out, std_err; /* EDDY_PIPE, … or a descriptor; see above */
    size_t limit;                 /* of the readers; 0: EDDY_STREAM_LIMIT */
    /* the program, if not argv[0]; for _shell: the shell, if not /bin/sh */
    const char *executable;
    const char *cwd; /* its working directory; NULL: the parent's */
    /* its environment, "NAME=value", NULL-terminated; NULL: the parent's */
    const char *const *env;
    const int *pass_fds; /* descriptors that the child gets under the same numbers */
    size_t n_pass_fds;
    /* the child gets all descriptors that are not close-on-exec (close_fds=False) */
    bool inherit_fds;
    /*
     * the child keeps the calling thread's signal mask and SIGPIPE's action (restore_signals=False)
     */
    bool inherit_signals;
    bool start_new_session; /* setsid(2): no controlling terminal, and a process group of its own */
    int process_group;      /* 0: the parent's; EDDY_NEW_GROUP; or an existing group */

    /*
     * The child's user and groups, each a name or a number as text; NULL: the parent's. Changing
     * them requires privileges. Each member sets only what it names: a program that gives up a
     * user's privileges must set @group and @extra_groups too. An empty list means no extra groups.
     */
    const char *user, *group;
    const char *const *extra_groups; /* NULL-terminated */
    int umask;                       /* 0: the parent's; EDDY_NO_UMASK means 0 */
} eddy_subprocess_options;

/*
 * Starts a program (asyncio.create_subprocess_exec): eddy_create_subprocess_exec(eddy_argv("sort",
 * "-n"), &proc, .std_in = EDDY_PIPE, …). A name without a slash is searched in the PATH of the
 * child's environment; a name with a slash is relative to its cwd. The caller owns *ret_process,
 * and frees it with eddy_process_free(). Returns 0, or raises an error whose message has the
 * program:
 *
 *   -ENOENT, -EACCES, -ENOEXEC, -E2BIG, …  the program cannot be executed
 *   -ENOENT, -ENOTDIR, -EACCES  cwd cannot be entered; the message says which
 *   -EBADF       a descriptor for the child is not open
 *   -EINVAL      no arguments; or an invalid environment, user or group
 *   -EPERM       the process may not run the program as that user or group
 *   -EAGAIN, -EMFILE, -ENOMEM  a limit is reached
 *   -EOPNOTSUPP  the loop has the virtual clock
 *   EDDY_ENOTASK, …
 *
 * On an error there is no process. The loop is blocked while the program is loaded, and while users
 * and groups are looked up by name.
 *
 * Cancelled: there is no process; if it was already started, it is killed.
 *
 * eddy_create_subprocess_shell("ls | wc -l", &proc, …) runs a command in the shell
 * (asyncio.create_subprocess_shell). Text from outside the program must be quoted.
 */
#ifndef __cplusplus
#define eddy_create_subprocess_exec(arguments, ...)                                                \
    eddy_create_subprocess_exec_with(                                                              \
        &(eddy_subprocess_options){.argv = (arguments), .ret_process = __VA_ARGS__})
#define eddy_create_subprocess_shell(text, ...)                                                    \
    eddy_create_subprocess_shell_with(                                                             \
        &(eddy_subprocess_options){.command = (text), .ret_process = __VA_ARGS__})
#endif
EDDY_API EDDY_AWAITS EDDY_NODISCARD int
eddy_create_subprocess_exec_with(const eddy_subprocess_options *options, size_t options_size);
#define eddy_create_subprocess_exec_with(...)                                                      \
    eddy_create_subprocess_exec_with(__VA_ARGS__, sizeof(eddy_subprocess_options))
EDDY_API EDDY_AWAITS EDDY_NODISCARD int
eddy_create_subprocess_shell_with(const eddy_subprocess_options *options, size_t options_size);
#define eddy_create_subprocess_shell_with(...)                                                     \
    eddy_create_subprocess_shell_with(__VA_ARGS__, sizeof(eddy_subprocess_options))

/*
 * Waits until the process has ended (Process.wait). Any number of tasks may wait. *ret_returncode
 * (@ret_returncode may be NULL) is set as by eddy_process_returncode(). Returns 0, or raises
 * -ECANCELED, EDDY_EOTHERLOOP, …. A stopped process (SIGSTOP) has not ended. Output that was not
 * read to its end, or a pipe that another process holds open, does not delay the call (rule 184).
 */
EDDY_API EDDY_AWAITS int eddy_process_wait(eddy_process *p, int *ret_returncode);

/*
 * Returns the exit code, or the negative number of the signal that ended the process
 * (Process.returncode); EDDY_RUNNING if it has not ended, or the loop has not noticed it yet; 255
 * if the status was lost, which is also reported to the exception handler (rule 183).
 */
EDDY_API int eddy_process_returncode(const eddy_process *p);

/* Returns the process ID (Process.pid). It is unique only until the process has ended. */
EDDY_API pid_t eddy_process_pid(const eddy_process *p);

/*
 * Sends a signal to the process (Process.send_signal); never to another process. Returns 0, or
 * raises -ESRCH once the process has ended, -EINVAL or -EPERM.
 */
EDDY_API int eddy_process_send_signal(eddy_process *p, int signo);

/* Send SIGTERM or SIGKILL (Process.terminate, Process.kill), as eddy_process_send_signal() does. */
EDDY_API int eddy_process_terminate(eddy_process *p);
EDDY_API int eddy_process_kill(eddy_process *p);

/*
 * Sends a signal to the process group of the child, that is, also to processes that the child
 * started. Possible while the child itself runs, and only if it has a group of its own
 * (EDDY_NEW_GROUP or start_new_session); otherwise raises EDDY_EMISUSE.
 */
EDDY_API int eddy_process_signal_group(eddy_process *p, int signo);

/*
 * Return the parent's end of a pipe, or NULL if that descriptor is not EDDY_PIPE (Process.stdin,
 * stdout, stderr). Borrowed from the process: eddy_writer_free() and eddy_reader_free() close it as
 * eddy_writer_close() does, but its memory stays until eddy_process_free().
 */
EDDY_API eddy_writer *eddy_process_stdin(const eddy_process *p);
EDDY_API eddy_reader *eddy_process_stdout(const eddy_process *p);
EDDY_API eddy_reader *eddy_process_stderr(const eddy_process *p);

/* The arguments of eddy_process_communicate(). None is required. */
typedef struct eddy_communicate_options {
    const void *input; /* n_input bytes, borrowed */
    size_t n_input;
    const char **ret_out;
    size_t *ret_n_out;
    const char **ret_err;
    size_t *ret_n_err;
    size_t limit; /* of each output, in bytes; 0: none, as in asyncio */
} eddy_communicate_options;

/*
 * Sends the input and closes the child's standard input, while reading its output pipes to their
 * ends, and waits for its end (Process.communicate): eddy_process_communicate(p, input, n, &out,
 * &n_out, &err, &n_err, .limit = …). The input comes first, NULL, 0 if there is none; the others
 * may be left out, or given by name (.ret_out = &out). It is not an error if the child does not
 * read its input (rule 185). An output that is not a pipe gives NULL and 0.
 *
 * The outputs are borrowed from the process, and valid until it is freed; each is followed by a
 * null byte. Returns 0, or raises
 *
 *   EDDY_ELIMIT  an output exceeds the limit
 *   -EINVAL      there is input, but standard input is not a pipe
 *   -ENOMEM, …
 *
 * Cancelled, and on failure: the process keeps running. A further call with the same input
 * continues: no output is lost, no input is sent twice. So after a timeout kill the process, and
 * call this again for the rest of its output. (A process that the child started and that holds a
 * pipe open delays this call, but not eddy_process_wait().)
 */
#ifndef __cplusplus
#define eddy_process_communicate(p, ...)                                                           \
    eddy_process_communicate_with((p), &(eddy_communicate_options){.input = __VA_ARGS__})
#endif
EDDY_API EDDY_AWAITS int eddy_process_communicate_with(eddy_process *p,
                                                       const eddy_communicate_options *options,
                                                       size_t options_size);
#define eddy_process_communicate_with(...)                                                         \
    eddy_process_communicate_with(__VA_ARGS__, sizeof(eddy_communicate_options))

/*
 * Frees the process and its streams; no task may wait for it. A child that still runs is killed,
 * and reaped in the background. Closing the loop does the same to all its processes. NULL is
 * allowed.
 */
EDDY_API void eddy_process_free(eddy_process *p);

/* Declares a guard that frees @p when the enclosing scope is left (gcc and clang). */
#if defined(__GNUC__)
#define eddy_process_free_at_end(p) EDDYI_GUARD(eddy_process *, eddyi_process_free_guard, p)
static inline void eddyi_process_free_guard(eddy_process **p)
{
    eddy_process_free(*p);
}
#endif

EDDY_END_DECLS

#ifdef __cplusplus
EDDY_NODISCARD static inline int
eddy_create_subprocess_exec(const char *const *argv, eddy_process **ret_process,
                            eddy_subprocess_options options = eddy_subprocess_options())
{
    options.argv = argv;
    options.ret_process = ret_process;
    return eddy_create_subprocess_exec_with(&options);
}
EDDY_NODISCARD static inline int
eddy_create_subprocess_shell(const char *command, eddy_process **ret_process,
                             eddy_subprocess_options options = eddy_subprocess_options())
{
    options.command = command;
    options.ret_process = ret_process;
    return eddy_create_subprocess_shell_with(&options);
}
/* The arguments of a program, which are valid until the end of the full expression. */
template <typename... Args> struct eddyi_argv {
    const char *argv[sizeof...(Args) + 1];
    operator const char * const *() const
    {
        return argv;
    }
};
template <typename... Args> static inline eddyi_argv<Args...> eddy_argv(Args... args)
{
    return {{args..., nullptr}};
}
static inline int
eddy_process_communicate(eddy_process *p, const void *input = nullptr, size_t n_input = 0,
                         const char **ret_out = nullptr, size_t *ret_n_out = nullptr,
                         const char **ret_err = nullptr, size_t *ret_n_err = nullptr,
                         eddy_communicate_options options = eddy_communicate_options())
{
    options.input = input;
    options.n_input = n_input;
    options.ret_out = ret_out;
    options.ret_n_out = ret_n_out;
    options.ret_err = ret_err;
    options.ret_n_err = ret_n_err;
    return eddy_process_communicate_with(p, &options);
}
#endif

#endif
