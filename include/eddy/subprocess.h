/*
 * Subprocesses: other programs, run and waited for without blocking the loop (asyncio.subprocess).
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
 * Ends are noticed through pidfds: there is no handler for SIGCHLD, so any thread's loop can have
 * subprocesses, and other code of the program may have children of its own. It must not wait for
 * all children alike (wait(), waitpid(-1)), nor ignore SIGCHLD, or the exit status is lost.
 *
 * A child gets the descriptors 0, 1 and 2 and those that are passed to it, no others. It begins
 * with no signal blocked and none handled; what its parent ignores it ignores as well, but for
 * SIGPIPE and SIGXFSZ.
 *
 * Two traps. A child that writes into a pipe which nobody reads stops when the pipe is full (64
 * KiB, as a rule), so waiting for its end before its output has been read can wait for ever:
 * eddy_process_communicate() does both. And a pipe is at its end only when everybody has closed it:
 * a process that the child left running in the background keeps it open.
 */
#ifndef EDDY_SUBPROCESS_H
#define EDDY_SUBPROCESS_H

#include "defs.h"
#include "stream.h"

#include <limits.h>
#include <sys/types.h>

EDDY_BEGIN_DECLS

typedef struct eddy_process eddy_process;

/*
 * What becomes of a child's standard input, output or error: one of these, or a descriptor (not 0:
 * for standard input EDDY_INHERIT says that, elsewhere a dup(2) does). None of them is a number
 * that a failed call returns: where a file that could not be opened is passed on, starting fails
 * with -EBADF.
 */
enum {
    EDDY_INHERIT = 0,           /* the parent's (None) */
    EDDY_PIPE = INT_MIN + 1,    /* a pipe, of which this side has the other end as a stream */
    EDDY_STDOUT = INT_MIN + 2,  /* of standard error: the same as standard output */
    EDDY_DEVNULL = INT_MIN + 3, /* /dev/null */
};

/* For process_group: a new group, whose number is the child's. */
enum { EDDY_NEW_GROUP = -1 };

/* For umask: it masks nothing. */
enum { EDDY_NO_UMASK = -1 };

/* Of eddy_process_returncode(): it has not ended. */
#define EDDY_RUNNING INT_MIN

/* The arguments of a program, the first being its name: eddy_argv("ls", "-l"). */
#ifndef __cplusplus
#define eddy_argv(...) ((const char *const[]){__VA_ARGS__, NULL})
#endif

/* What to run, and the output; the rest may be left out. */
typedef struct eddy_subprocess_options {
    union {
        /* of _exec: NULL-terminated, at least one; main()'s argv needs a cast */
        const char *const *argv;
        const char *command; /* of _shell */
    };
    eddy_process **ret_process;

    int std_in, std_out, std_err; /* EDDY_PIPE, …; see above */
    size_t limit;                 /* of the readers; 0: EDDY_STREAM_LIMIT */
    /* the program, if it is not argv[0]; of _shell, the shell: else /bin/sh */
    const char *executable;
    const char *cwd; /* where it runs; NULL: where the parent does */
    /* its environment, "NAME=value", NULL-terminated; NULL: the parent's */
    const char *const *env;
    const int *pass_fds; /* descriptors that it gets under the same numbers */
    size_t n_pass_fds;
    bool inherit_fds; /* it gets all that is not close-on-exec (close_fds=False) */
    /* the mask of the calling thread, and SIGPIPE as it is (restore_signals=False) */
    bool inherit_signals;
    bool start_new_session; /* setsid(2): no terminal, and a group of its own */
    int process_group;      /* 0: the parent's; EDDY_NEW_GROUP; or a group that exists */

    /*
     * As whom it runs; each a name, or a number as text; NULL: as the parent does. Changing them
     * takes privileges. Each is only what it says: who gives up a user's rights gives @group and
     * @extra_groups, too. An empty list is none.
     */
    const char *user, *group;
    const char *const *extra_groups; /* NULL-terminated */
    int umask;                       /* 0: the parent's; EDDY_NO_UMASK for 0 */
} eddy_subprocess_options;

/*
 * eddy_create_subprocess_exec(eddy_argv("sort", "-n"), &proc, .std_in = EDDY_PIPE, …): starts a
 * program (asyncio.create_subprocess_exec). A name without a slash is looked for in the PATH of the
 * child's environment; one with a slash is relative to its cwd. Returns 0, or as a raised error
 * that names the program
 *
 *   -ENOENT, -EACCES, -ENOEXEC, -E2BIG, … it cannot be executed -ENOENT, -ENOTDIR, -EACCES nor can
 *   cwd be entered; the message says which -EBADF a descriptor that is to be its is not open
 *   -EINVAL no argument; an environment, a user, a group that is none -EPERM it may not be run as
 *   that user, or in that group -EAGAIN, -EMFILE, -ENOMEM a limit -EOPNOTSUPP the loop has the
 *   virtual clock EDDY_ENOTASK, …
 *
 * and then there is no process. The loop stands still while the program is being loaded, and while
 * users and groups are looked up by name.
 *
 * Cancelled: there is none either; one that was started is killed.
 */
/* eddy_create_subprocess_shell("ls | wc -l", &proc, …): has the shell run a command. Whatever comes
 * from elsewhere must be quoted. */
#ifndef __cplusplus
#define eddy_create_subprocess_exec(...)                                                           \
    eddy_create_subprocess_exec_with(&(eddy_subprocess_options){.argv = __VA_ARGS__})
#define eddy_create_subprocess_shell(...)                                                          \
    eddy_create_subprocess_shell_with(&(eddy_subprocess_options){.command = __VA_ARGS__})
#endif
EDDY_API EDDY_AWAITS EDDY_NODISCARD int
eddy_create_subprocess_exec_with(const eddy_subprocess_options *options);
EDDY_API EDDY_AWAITS EDDY_NODISCARD int
eddy_create_subprocess_shell_with(const eddy_subprocess_options *options);

/*
 * Waits until it has ended (Process.wait); any number of tasks may. Returns 0 or -ECANCELED,
 * EDDY_EOTHERLOOP, …, raised; *ret_returncode, which may be NULL, is as below. Being stopped
 * (SIGSTOP) is no end. That its output is not read to its end, or held open by others, makes no
 * difference (rule 184).
 */
EDDY_API EDDY_AWAITS int eddy_process_wait(eddy_process *p, int *ret_returncode);

/*
 * Its exit code, or the negative number of the signal that ended it; EDDY_RUNNING if it has not
 * ended, or the loop has not noticed yet (Process.returncode). 255 if the status was lost, which is
 * also reported to the exception handler (rule 183).
 */
EDDY_API int eddy_process_returncode(const eddy_process *p);

/* The number of the process; only before it has ended no other has the same. */
EDDY_API pid_t eddy_process_pid(const eddy_process *p);

/*
 * Sends a signal (Process.send_signal, terminate, kill). 0, or as a raised error -ESRCH once it has
 * ended, -EINVAL, -EPERM. It never gets to another process. _signal_group reaches what the child
 * has started as well, where it has a process group of its own (EDDY_NEW_GROUP or
 * start_new_session; else EDDY_EMISUSE), while the child itself runs.
 */
EDDY_API int eddy_process_send_signal(eddy_process *p, int signo);
EDDY_API int eddy_process_terminate(eddy_process *p);
EDDY_API int eddy_process_kill(eddy_process *p);
EDDY_API int eddy_process_signal_group(eddy_process *p, int signo);

/*
 * The ends of its pipes, for those that are EDDY_PIPE, else NULL (Process.stdin, …). They are the
 * process's: eddy_writer_free() and eddy_reader_free() close one, as eddy_writer_close() does, and
 * its memory stays until eddy_process_free().
 */
EDDY_API eddy_writer *eddy_process_stdin(const eddy_process *p);
EDDY_API eddy_reader *eddy_process_stdout(const eddy_process *p);
EDDY_API eddy_reader *eddy_process_stderr(const eddy_process *p);

/* The arguments of communicate; all may be left out. */
typedef struct eddy_communicate_options {
    const void *input; /* n_input bytes, borrowed */
    size_t n_input;
    const char **ret_out;
    size_t *ret_n_out;
    const char **ret_err;
    size_t *ret_n_err;
    size_t limit; /* of each output, in bytes; 0: none (asyncio has none either) */
} eddy_communicate_options;

/*
 * eddy_process_communicate(p, input, n, &out, &n_out, &err, &n_err, .limit = …): sends the input,
 * closes the pipe to it, reads what it writes to the pipes from it until their end, both at a time,
 * and waits for its end (Process.communicate). A child that does not want its input is no error
 * (rule 185). Of what is no pipe nothing comes: NULL and 0.
 *
 * The outputs are the process's, valid until it is freed; a null byte follows each. Returns 0 or
 *
 *   EDDY_ELIMIT   an output is longer than the limit
 *   -EINVAL       input, but standard input is no pipe
 *   -ENOMEM, …    as a raised error
 *
 * After an error, and when cancelled, the process runs on, and a further call with the same input
 * goes on where this one stopped: nothing that was read is lost, nothing sent twice. So with a
 * timeout: kill it then, and call this again for what it had to say. (A grandchild that holds a
 * pipe keeps this waiting, though not eddy_process_wait().)
 */
#ifndef __cplusplus
#define eddy_process_communicate(p, ...)                                                           \
    eddy_process_communicate_with((p), &(eddy_communicate_options){.input = __VA_ARGS__})
#endif
EDDY_API EDDY_AWAITS int eddy_process_communicate_with(eddy_process *p,
                                                       const eddy_communicate_options *options);

/*
 * Gives it back, with its streams; no task may wait for it. A child that still runs is killed, and
 * waited for in the background. The same happens to all when their loop is closed. NULL is allowed.
 */
EDDY_API void eddy_process_free(eddy_process *p);

/* With gcc and clang: has that done when the enclosing scope is left. */
#if defined(__GNUC__)
#define eddy_process_free_at_end(p)                                                                \
    EDDY_CLEANUP(eddyi_process_free_guard) eddy_process *EDDYI_CAT(eddyi_guard, __LINE__) = (p)
static inline void eddyi_process_free_guard(eddy_process **p)
{
    eddy_process_free(*p);
}
#endif

EDDY_END_DECLS

#ifdef __cplusplus
static inline int
eddy_create_subprocess_exec(const char *const *argv, eddy_process **ret_process,
                            eddy_subprocess_options options = eddy_subprocess_options())
{
    options.argv = argv;
    options.ret_process = ret_process;
    return eddy_create_subprocess_exec_with(&options);
}
static inline int
eddy_create_subprocess_shell(const char *command, eddy_process **ret_process,
                             eddy_subprocess_options options = eddy_subprocess_options())
{
    options.command = command;
    options.ret_process = ret_process;
    return eddy_create_subprocess_shell_with(&options);
}
#endif

#endif
