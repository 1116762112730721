/*
 * EDDY_DUMP_SIGNAL: a signal at which every loop of the process dumps its tasks to standard error.
 *
 * A loop does so in its next turn. A loop without a next turn, because some code in it does not
 * return, does so when the signal comes a second time: then in the signal handler, in its own
 * thread, between any two instructions of the code that hangs.
 */
#include "base/log.h"
#include "base/sys.h"
#include "debug/dump.h"
#include "debug/introspection.h"
#include "fiber/stack.h"
#include "loop/loop.h"
#include "loop/registry.h"
#include "loop/signal.h"
#include "task/task.h"

#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

/* The size in bytes of the loop's stack that nested callbacks may use. */
enum { MAX_LOOP_STACK = 1024 * 1024 };

static const char *stack_pointer(const ucontext_t *context)
{
#if defined(__x86_64__)
    return (const char *)(uintptr_t)context->uc_mcontext.gregs[REG_RSP];
#elif defined(__aarch64__)
    return (const char *)(uintptr_t)context->uc_mcontext.sp;
#elif defined(__i386__)
    return (const char *)(uintptr_t)context->uc_mcontext.gregs[REG_ESP];
#elif defined(__arm__)
    return (const char *)(uintptr_t)context->uc_mcontext.arm_sp;
#elif defined(__riscv)
    return (const char *)(uintptr_t)context->uc_mcontext.__gregs[REG_SP];
#elif defined(__powerpc64__)
    return (const char *)(uintptr_t)context->uc_mcontext.gp_regs[1];
#elif defined(__s390x__)
    return (const char *)(uintptr_t)context->uc_mcontext.gregs[15];
#else
#error "where does a signal's context keep the stack pointer on this CPU?"
#endif
}

/*
 * Returns true if the thread runs where the loop says, and not in the few instructions of a switch
 * from one stack to another.
 */
static bool is_settled(const eddy_loop *loop, const char *sp)
{
    const eddy_task *t = loop->tasks.current;

    if (t) /* one that has just ended has no stack any more */
        return t->stack && sp >= t->stack->limit && sp < (const char *)t->stack->object;
    return sp < loop->introspection.stack_base &&
           loop->introspection.stack_base - sp < MAX_LOOP_STACK;
}

/* Dumps the tasks, in the thread of a loop that may hang. */
static void dump_here(eddy_loop *loop, const ucontext_t *context)
{
    if (loop && atomic_load(&loop->introspection.dump_wanted) &&
        is_settled(loop, stack_pointer(context))) {
        atomic_store(&loop->introspection.dump_wanted, false);
        eddyi_dump(loop, STDERR_FILENO, true);
    }
}

/* Its address marks a forwarded signal. */
static char forwarded;

static void forward(const eddy_loop *loop, int signo)
{
    siginfo_t info = {.si_code = SI_QUEUE};

    info.si_pid = getpid();
    info.si_value.sival_ptr = &forwarded;
    syscall(SYS_rt_tgsigqueueinfo, getpid(), loop->introspection.tid, signo, &info);
}

static void ask(eddy_loop *loop, int signo, const ucontext_t *context)
{
    if (!atomic_exchange(&loop->introspection.dump_wanted, true))
        eddyi_loop_signal(loop);
    else if (loop->introspection.tid != eddyi_sys_tid())
        forward(loop, signo);
    else
        dump_here(eddyi_loop_running, context);
}

static void handle(int signo, siginfo_t *info, void *context)
{
    int saved = errno;

    eddyi_signal_handler_enter();
    if (info->si_code == SI_QUEUE && info->si_value.sival_ptr == &forwarded) {
        dump_here(eddyi_loop_running, context);
    } else {
        for (eddy_loop *loop = atomic_load(&eddyi_loops); loop;
             loop = atomic_load(&loop->introspection.next))
            if (atomic_load(&loop->running))
                ask(loop, signo, context);
    }
    eddyi_signal_handler_leave();
    errno = saved;
}

static const struct {
    const char *name;
    int signo;
} names[] = {{"HUP", SIGHUP},   {"INT", SIGINT},   {"QUIT", SIGQUIT}, {"USR1", SIGUSR1},
             {"USR2", SIGUSR2}, {"ALRM", SIGALRM}, {"TERM", SIGTERM}, {"WINCH", SIGWINCH},
             {"URG", SIGURG},   {"IO", SIGIO}};

/* Returns the number of a signal, 0 if @name is none. */
static int signal_number(const char *name)
{
    char *end;
    long number = strtol(name, &end, 10);

    if (*name && !*end)
        return number > 0 && number < EDDYI_SIGNALS ? (int)number : 0;
    if (strncmp(name, "SIG", 3) == 0)
        name += 3;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i].name, name) == 0)
            return names[i].signo;
    return 0;
}

static void install(const char *name)
{
    struct sigaction action = {.sa_sigaction = handle,
                               .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK},
                     before;
    int signo = signal_number(name);

    sigfillset(&action.sa_mask);
    sigdelset(&action.sa_mask, SIGSEGV);
    if (signo == 0 || eddyi_sys_sigaction(signo, NULL, &before) < 0)
        eddyi_log(EDDY_LOG_WARNING,
                  "EDDY_DUMP_SIGNAL=%s is ignored: it can be a number or a name such as USR1",
                  name);
    else if ((before.sa_flags & SA_SIGINFO) || before.sa_handler != SIG_DFL)
        eddyi_log(EDDY_LOG_WARNING,
                  "EDDY_DUMP_SIGNAL=%s is ignored: the program uses that signal itself", name);
    else if (eddyi_sys_sigaction(signo, &action, NULL) < 0)
        eddyi_log(EDDY_LOG_WARNING, "EDDY_DUMP_SIGNAL=%s cannot be handled", name);
}

/* Links the block into every program that has a loop: a static library gives only what is referred
 * to. */
static const struct eddyi_introspection *const introspection __attribute__((used)) =
    &eddyi_introspection;

static void dump(eddy_loop *loop)
{
    if (atomic_exchange(&loop->introspection.dump_wanted, false))
        eddyi_dump(loop, eddyi_log_is_taken() ? EDDYI_DUMP_TO_LOG : STDERR_FILENO, false);
}

static void begin(void)
{
    const char *name = secure_getenv("EDDY_DUMP_SIGNAL");

    eddyi_dump_hook = dump;
    if (name && *name)
        install(name);
}

void eddyi_debug_begin(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, begin);
}
