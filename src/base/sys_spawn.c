/*
 * The calls of spawn.h.
 *
 * The child is made as vfork() makes it, sharing memory with its parent, whose thread stops until
 * the child has executed the program or failed: copying the page tables of a large process would
 * take milliseconds. Therefore the child
 *
 * - has a stack of its own, and changes nothing of the parent's but what is said below;
 * - gets no signals until all handlers, which are the parent's, are gone;
 * - makes naked system calls, because the C library's functions keep state, and sanitizers watch
 *   them.
 *
 * An error comes back in that memory. A pipe serves where the memory is not shared after all: under
 * valgrind and qemu, which turn every vfork() into fork(), and with sanitizers, whose own state
 * must not be shared. The pipe is not the only way, because another thread may fork at the same
 * time, and its child keep the pipe open.
 */
#include "base/libc.h"
#include "base/spawn.h"
#include "base/sys.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SHARES_MEMORY 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define SHARES_MEMORY 0
#endif
#endif
#ifndef SHARES_MEMORY
#define SHARES_MEMORY CLONE_VM
#endif

enum { CHILD_STACK = 32768, LAST_SIGNAL = 64 };

/* A set of signals in the kernel's format. */
typedef uint64_t signal_set;

struct outcome {
    int error; /* 0: none */
    enum eddyi_spawn_step step;
};

struct child {
    const struct eddyi_program *program;
    int report;      /* the pipe's write end */
    signal_set mask; /* the caller's */
    int exec_fault;  /* injected by tests: < 0: executing fails with it */
    bool range_fault;
    bool shared; /* the child has set this, so the memory is shared */
    struct outcome outcome;
};

#define CALL(...) eddyi_sys_result(syscall(__VA_ARGS__))

/* Functions of the child. */

/* The struct of rt_sigaction(2). Of the CPUs that eddy runs on RISC-V alone has no restorer. */
struct kernel_sigaction {
    uintptr_t handler;
    unsigned long flags;
#ifndef __riscv
    uintptr_t restorer;
#endif
    signal_set mask;
};

static bool is_reset(const struct child *c, int signo, uintptr_t handler)
{
    if (handler == (uintptr_t)SIG_IGN)
        return !c->program->keep_signals && (signo == SIGPIPE || signo == SIGXFSZ);
    return handler != (uintptr_t)SIG_DFL;
}

static void reset_signals(const struct child *c)
{
    const struct kernel_sigaction standard = {0};
    signal_set mask = c->program->keep_signals ? c->mask : 0;

    for (int signo = 1; signo <= LAST_SIGNAL; signo++) {
        struct kernel_sigaction now;

        if (CALL(SYS_rt_sigaction, signo, NULL, &now, sizeof now.mask) == 0 &&
            is_reset(c, signo, now.handler))
            CALL(SYS_rt_sigaction, signo, &standard, NULL, sizeof now.mask);
    }
    CALL(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof mask);
}

static int enter_group(const struct eddyi_program *p)
{
    long rc = p->new_session ? CALL(SYS_setsid) : 0;

    if (rc >= 0 && p->process_group != 0)
        rc = CALL(SYS_setpgid, 0, p->process_group < 0 ? 0 : p->process_group);
    return rc < 0 ? (int)rc : 0;
}

static int descriptor_of(const char *name)
{
    int fd = 0;

    for (; *name >= '0' && *name <= '9'; name++)
        fd = fd * 10 + (*name - '0');
    return *name ? -1 : fd;
}

/* Marks the listed descriptors close-on-exec, if close_range(2), Linux 5.9, is missing or
 * filtered. */
static int close_listed_on_exec(void)
{
    _Alignas(struct dirent64) char buf[2048];
    int dir = (int)CALL(SYS_openat, AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    long n = dir;

    while (n >= 0 && (n = CALL(SYS_getdents64, dir, buf, sizeof buf)) > 0) {
        struct dirent64 *entry;

        for (long at = 0; at < n; at += entry->d_reclen) {
            entry = (struct dirent64 *)(void *)(buf + at);
            if (descriptor_of(entry->d_name) > STDERR_FILENO)
                CALL(SYS_fcntl, descriptor_of(entry->d_name), F_SETFD, FD_CLOEXEC);
        }
    }
    return (int)n;
}

static int close_on_exec(const struct child *c)
{
    long rc = -ENOSYS;

    if (c->program->inherit_fds)
        return 0;
    if (!c->range_fault)
        rc = CALL(SYS_close_range, STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC);
    return rc < 0 ? close_listed_on_exec() : 0;
}

/* Arranges the standard descriptors. Descriptors in the place of others are moved out of the way
 * first. */
static int arrange_standard_fds(const struct eddyi_program *p)
{
    long from[3], rc = 0;

    for (int i = 0; i < 3 && rc >= 0; i++) {
        from[i] = p->fds[i];
        if (from[i] >= 0 && from[i] <= STDERR_FILENO && from[i] != i)
            rc = from[i] = CALL(SYS_fcntl, p->fds[i], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    }
    for (int i = 0; i < 3 && rc >= 0; i++) {
        if (from[i] == i)
            rc = CALL(SYS_fcntl, i, F_SETFD, 0);
        else if (from[i] >= 0)
            rc = CALL(SYS_dup3, from[i], i, 0);
    }
    return rc < 0 ? (int)rc : 0;
}

static int arrange_fds(const struct child *c)
{
    const struct eddyi_program *p = c->program;
    long rc = arrange_standard_fds(p);

    if (rc == 0)
        rc = close_on_exec(c);
    for (size_t i = 0; i < p->n_passed && rc == 0; i++)
        rc = CALL(SYS_fcntl, p->passed[i], F_SETFD, 0);
    return (int)rc;
}

/* Changes groups, group and user. The user comes last: without root's privilege the groups cannot
 * change. */
static int change_identity(struct child *c)
{
    const struct eddyi_program *p = c->program;
    long rc = 0;

    c->outcome.step = EDDYI_SPAWN_GROUPS;
    if (p->groups)
        rc = CALL(SYS_setgroups, p->n_groups, p->groups);
    if (rc == 0 && p->gid >= 0) {
        c->outcome.step = EDDYI_SPAWN_GID;
        rc = CALL(SYS_setresgid, p->gid, p->gid, p->gid);
    }
    if (rc == 0 && p->uid >= 0) {
        c->outcome.step = EDDYI_SPAWN_UID;
        rc = CALL(SYS_setresuid, p->uid, p->uid, p->uid);
    }
    return (int)rc;
}

/* Executes the first path that works. Returns the first error that says more than that a path does
 * not exist. */
static int execute(const struct child *c)
{
    const struct eddyi_program *p = c->program;
    int error = 0, last = c->exec_fault < 0 ? c->exec_fault : -ENOENT;

    for (size_t i = 0; p->paths[i] && c->exec_fault == 0; i++) {
        last = (int)CALL(SYS_execve, p->paths[i], p->argv, p->envp);
        if (error == 0 && last != -ENOENT && last != -ENOTDIR)
            error = last;
    }
    return error < 0 ? error : last;
}

static int become_program(struct child *c)
{
    int rc;

    c->outcome.step = EDDYI_SPAWN_GROUP;
    rc = enter_group(c->program);
    if (rc < 0)
        return rc;
    c->outcome.step = EDDYI_SPAWN_FDS;
    rc = arrange_fds(c);
    if (rc < 0)
        return rc;
    c->outcome.step = EDDYI_SPAWN_CHDIR;
    rc = c->program->cwd ? (int)CALL(SYS_chdir, c->program->cwd) : 0;
    if (rc < 0)
        return rc;
    if (c->program->umask >= 0)
        CALL(SYS_umask, c->program->umask);
    rc = change_identity(c);
    if (rc < 0)
        return rc;
    c->outcome.step = EDDYI_SPAWN_EXEC;
    reset_signals(c);
    return execute(c);
}

static int child_main(void *arg)
{
    struct child *c = arg;

    c->shared = true;
    c->outcome.error = become_program(c);
    CALL(SYS_write, c->report, &c->outcome, sizeof c->outcome);
    CALL(SYS_exit_group, 127);
    return 127;
}

/* Functions of the parent. */

static struct outcome outcome_of(const struct child *c, int pipe)
{
    struct outcome o;
    long n;

    if (c->shared)
        return c->outcome;
    do
        n = eddyi_sys_result(read(pipe, &o, sizeof o));
    while (n == -EINTR);
    return n == (long)sizeof o ? o : (struct outcome){0};
}

/* Starts the child with all signals blocked, because no handler may run in it. */
static long start(struct child *c, char *stack)
{
    const signal_set all = ~UINT64_C(0);
    long pid = eddyi_fault("clone");

    if (pid < 0)
        return pid;
    CALL(SYS_rt_sigprocmask, SIG_SETMASK, &all, &c->mask, sizeof all);
    pid = eddyi_sys_result(
        clone(child_main, stack + CHILD_STACK, SHARES_MEMORY | CLONE_VFORK | SIGCHLD, c));
    CALL(SYS_rt_sigprocmask, SIG_SETMASK, &c->mask, NULL, sizeof c->mask);
    return pid;
}

long eddyi_sys_spawn(const struct eddyi_program *p, enum eddyi_spawn_step *ret_step)
{
    struct child c = {.program = p};
    struct outcome outcome = {0};
    char *stack = eddyi_alloc(CHILD_STACK);
    int pipe[2], status;
    long pid = stack ? eddyi_sys_pipe(pipe) : -ENOMEM;

    if (pid == 0) {
        c.report = pipe[1];
        c.exec_fault = eddyi_fault("execve");
        c.range_fault = eddyi_fault("close_range") < 0;
        pid = start(&c, stack);
        eddyi_sys_close(pipe[1]);
        if (pid > 0)
            outcome = outcome_of(&c, pipe[0]);
        eddyi_sys_close(pipe[0]);
    }
    eddyi_free(stack);
    if (outcome.error < 0) {
        eddyi_sys_wait_child(pid, true, &status);
        pid = outcome.error;
    }
    *ret_step = outcome.error < 0 ? outcome.step : EDDYI_SPAWN_PROCESS;
    return pid;
}

int eddyi_sys_pidfd_open(long pid)
{
    int f = eddyi_fault("pidfd_open");
    int fd = f < 0 ? f : (int)eddyi_sys_result(pidfd_open((pid_t)pid, 0));
    int rc = fd < 0 ? fd : eddyi_sys_move_up(&fd);

    if (fd >= 0 && rc < 0)
        eddyi_sys_close(fd);
    return rc < 0 ? rc : fd;
}

int eddyi_sys_signal_process(int pidfd, long pid, int signo)
{
    int rc = pidfd < 0 ? -ENOSYS : eddyi_fault("pidfd_send_signal");

    if (rc == 0)
        rc = (int)eddyi_sys_result(pidfd_send_signal(pidfd, signo, NULL, 0));
    /* A filter may refuse the call; for a process of another user both fail. */
    return rc == -ENOSYS || rc == -EPERM ? eddyi_sys_kill(pid, signo) : rc;
}

int eddyi_sys_child_ended(int pidfd, long pid, bool block, int *ret)
{
    siginfo_t info;
    long rc;

    do {
        info.si_pid = 0;
        rc = eddyi_sys_result(waitid(pidfd >= 0 ? P_PIDFD : P_PID, (id_t)(pidfd >= 0 ? pidfd : pid),
                                     &info, WEXITED | (block ? 0 : WNOHANG)));
    } while (rc == -EINTR);
    if (rc < 0 || info.si_pid == 0)
        return (int)rc;
    *ret = info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
    return 1;
}

void eddyi_sys_await_child(long pid)
{
    siginfo_t info;
    long rc;

    do
        rc = eddyi_sys_result(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
    while (rc == -EINTR);
}
