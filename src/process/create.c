/*
 * Starting a subprocess.
 */
#include "base/options.h"
#include "base/spawn.h"
#include "base/sys.h"
#include "eddy/error.h"
#include "process/identity.h"
#include "process/paths.h"
#include "process/process.h"
#include "process/standard.h"
#include "stream/stream.h"
#include "task/task.h"

#include <string.h>
#include <unistd.h>

static int check(eddy_loop *loop, const eddy_subprocess_options *o, const char *const *argv)
{
    int rc = eddyi_loop_check(loop);

    if (rc < 0)
        return rc;
    if (eddyi_backend_is_virtual(loop->backend))
        return eddy_raise(-EOPNOTSUPP, "a loop with the virtual clock waits for no process");
    if (!argv || !argv[0] || !o->ret_process)
        return eddy_raise(-EINVAL, "a program without a name, or nowhere to put its process");
    for (size_t i = 0; o->env && o->env[i]; i++)
        if (!strchr(o->env[i], '=') || o->env[i][0] == '=')
            return eddy_raise(-EINVAL, "'%s' is no entry of an environment", o->env[i]);
    return 0;
}

/* Raises the reason why the program does not run; the message names the program. */
static int explain(const struct eddyi_program *p, const eddy_subprocess_options *o,
                   const char *name, enum eddyi_spawn_step step, int error)
{
    switch (step) {
    case EDDYI_SPAWN_GROUP:
        return eddy_raise(error, "'%s' cannot be put into process group %d", name,
                          p->process_group);
    case EDDYI_SPAWN_FDS:
        return eddy_raise(error, "'%s' cannot be given its descriptors", name);
    case EDDYI_SPAWN_CHDIR:
        return eddy_raise(error, "'%s' cannot be run in directory '%s'", name, p->cwd);
    case EDDYI_SPAWN_GROUPS:
        return eddy_raise(error, "'%s' cannot be given its extra groups", name);
    case EDDYI_SPAWN_GID:
        return eddy_raise(error, "'%s' cannot be run as group '%s'", name, o->group);
    case EDDYI_SPAWN_UID:
        return eddy_raise(error, "'%s' cannot be run as user '%s'", name, o->user);
    case EDDYI_SPAWN_EXEC:
        return eddy_raise(error, "'%s' cannot be executed", name);
    default:
        return eddy_raise(error, "no process for '%s'", name);
    }
}

/* Starts the program. Returns the pid of the child, or a raised error. */
static long spawn(const eddy_subprocess_options *o, const char *const *argv,
                  const struct eddyi_standard *standard)
{
    struct eddyi_program program = {
        .argv = argv,
        .envp = o->env ? o->env : (const char *const *)environ,
        .cwd = o->cwd,
        .passed = o->pass_fds,
        .n_passed = o->n_pass_fds,
        .process_group = o->process_group,
        .new_session = o->start_new_session,
        .inherit_fds = o->inherit_fds,
        .keep_signals = o->inherit_signals,
    };
    const char *name = o->executable ? o->executable : argv[0];
    const char **paths = eddyi_paths_of(name, program.envp);
    enum eddyi_spawn_step step;
    long pid;

    if (!paths)
        return eddy_raise(-ENOMEM, NULL);
    program.paths = paths;
    memcpy(program.fds, standard->fds, sizeof program.fds);
    pid = eddyi_identity_set(&program, o);
    if (pid == 0) {
        pid = eddyi_sys_spawn(&program, &step);
        if (pid < 0)
            pid = explain(&program, o, name, step, (int)pid);
    }
    eddyi_identity_fini(&program);
    eddyi_free(paths);
    return pid;
}

static eddy_process *process_new(eddy_loop *loop)
{
    eddy_process *p = eddyi_zalloc(sizeof *p);

    if (!p)
        return NULL;
    p->loop = eddyi_loop_hold(loop);
    p->pidfd = -1;
    eddyi_list_init(&p->link);
    eddyi_process_init_watch(p);
    return p;
}

/* A process whose pipes become streams. */
struct streams {
    eddy_process *process;
    size_t limit; /* of the readers */
};

/* Makes a pipe's end a stream of a process. The stream is lent: a user who frees it only closes
 * it. */
static int attach_stream(void *arg, int which, int fd)
{
    const struct streams *to = arg;
    eddy_process *p = to->process;
    eddy_reader **reader = which == STDOUT_FILENO ? &p->out.reader : &p->err.reader;
    int rc = which == STDIN_FILENO ? eddy_connect_write_pipe(fd, &p->input)
                                   : eddy_connect_read_pipe(fd, to->limit, reader);

    if (rc == 0)
        eddyi_stream_enter(which == STDIN_FILENO ? eddyi_stream_of_writer(p->input)
                                                 : eddyi_stream_of_reader(*reader));
    return rc;
}

/* Starts a watched child. The steps that can fail come first, so that a child rarely has to be
 * killed again. */
static int start(eddy_process *p, const eddy_subprocess_options *o, const char *const *argv,
                 const struct eddyi_process_pipes *pipes)
{
    struct streams to = {p, o->limit};
    const struct eddyi_process_pipes streams = {attach_stream, &to};
    struct eddyi_processes *all = eddyi_processes_of(p->loop);
    struct eddyi_standard standard;
    int rc = all ? eddyi_standard_open(&standard, o, pipes ? pipes : &streams)
                 : eddy_raise(-ENOMEM, NULL);

    if (rc < 0)
        return rc;
    p->pid = spawn(o, argv, &standard);
    eddyi_standard_close(&standard);
    if (p->pid < 0)
        return (int)p->pid;
    p->returncode = EDDY_RUNNING;
    p->has_group = o->start_new_session || o->process_group < 0;
    p->pidfd = eddyi_sys_pidfd_open(p->pid);
    eddyi_process_add(all, p);
    rc = eddyi_process_watch(p);
    return rc < 0 ? eddy_raise(rc, "the end of '%s' could not be waited for", argv[0]) : 0;
}

int eddyi_process_create(const eddy_subprocess_options *o, bool shell,
                         const struct eddyi_process_pipes *pipes)
{
    const char *const in_shell[] = {o->executable ? o->executable : "/bin/sh", "-c", o->command,
                                    NULL};
    const char *const *argv = !shell ? o->argv : o->command ? in_shell : NULL;
    eddy_task *t = eddyi_task_current();
    eddy_process *p;
    int rc = t ? check(t->future.loop, o, argv) : eddyi_raise_no_task();

    if (rc < 0)
        return rc;
    if (eddyi_task_take_cancel(t))
        return -ECANCELED;
    p = process_new(t->future.loop);
    rc = p ? start(p, o, argv, pipes) : eddy_raise(-ENOMEM, NULL);
    /* Starting takes a while; now others have their turn, and a cancellation its chance (rule
     * 188). */
    if (rc == 0)
        rc = eddyi_task_yield(t);
    if (rc < 0)
        eddy_process_free(p);
    else
        *o->ret_process = p;
    return rc;
}

int(eddy_create_subprocess_exec_with)(const eddy_subprocess_options *options, size_t options_size)
{
    EDDYI_OPTIONS(eddy_subprocess_options, options, options_size, -E2BIG);
    return eddyi_process_create(options, false, NULL);
}

int(eddy_create_subprocess_shell_with)(const eddy_subprocess_options *options, size_t options_size)
{
    EDDYI_OPTIONS(eddy_subprocess_options, options, options_size, -E2BIG);
    return eddyi_process_create(options, true, NULL);
}
