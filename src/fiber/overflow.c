/*
 * The handler that turns the overflow of a task's stack into a message.
 *
 * The handler is installed once and stays: removing it would also remove a handler that another
 * library has installed over it. Failures leave the program as it would be without eddy: SIGSEGV,
 * and no message.
 */
#include "fiber/overflow.h"

#include "base/log.h"
#include "base/sys.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

/* Without the frame that the kernel pushes (AT_MINSIGSTKSZ): with AVX-512 it holds 2.5 KiB of
 * registers. */
#define ALTERNATE_SIZE ((size_t)64 * 1024)

static eddyi_overflow_describe_fn *describe;
static struct sigaction before_segv, before_bus;

/* Does with the signal what the earlier action would have done. */
static void pass_on(int signo, siginfo_t *info, void *context)
{
    struct sigaction *before = signo == SIGSEGV ? &before_segv : &before_bus;
    struct sigaction standard = {.sa_handler = SIG_DFL};
    /* sent by kill(2) and similar calls: no instruction will fault again */
    bool sent = info->si_code <= 0;

    if (before->sa_flags & SA_SIGINFO) {
        before->sa_sigaction(signo, info, context);
    } else if (before->sa_handler == SIG_IGN && sent) {
        return;
    } else if (before->sa_handler == SIG_DFL || before->sa_handler == SIG_IGN) {
        /* After the return, the same instruction faults again, now with the default action. */
        sigaction(signo, &standard, NULL);
        if (sent)
            raise(signo);
    } else {
        before->sa_handler(signo);
    }
}

static _Noreturn void end(const char *text)
{
    eddyi_log_fatal(text);
    abort();
}

void eddyi_overflow_report(const void *limit)
{
    char text[1024];

    if (!describe || !describe(limit, true, text, sizeof(text)))
        strcpy(text, "the stack of a generator is too small for what it calls");
    end(text);
}

static void handle(int signo, siginfo_t *info, void *context)
{
    int saved = errno;
    char text[1024];

    if (info->si_code > 0 && describe(info->si_addr, false, text, sizeof(text)))
        end(text);
    pass_on(signo, info, context);
    errno = saved;
}

void eddyi_overflow_install(eddyi_overflow_describe_fn *fn)
{
    static atomic_flag installed = ATOMIC_FLAG_INIT;
    struct sigaction act = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_ONSTACK};

    if (atomic_flag_test_and_set(&installed))
        return;
    describe = fn;
    sigemptyset(&act.sa_mask);
    /* The earlier action is fetched first: the handler may run as soon as it is installed. */
    if (eddyi_sys_sigaction(SIGSEGV, NULL, &before_segv) == 0)
        eddyi_sys_sigaction(SIGSEGV, &act, NULL);
    if (eddyi_sys_sigaction(SIGBUS, NULL, &before_bus) == 0)
        eddyi_sys_sigaction(SIGBUS, &act, NULL);
}

void *eddyi_overflow_enter(void)
{
    stack_t now, ours = {.ss_size = ALTERNATE_SIZE + getauxval(AT_MINSIGSTKSZ)};

    if (eddyi_sys_sigaltstack(NULL, &now) < 0 || !(now.ss_flags & SS_DISABLE))
        return NULL;
    ours.ss_sp = eddyi_alloc(ours.ss_size);
    if (!ours.ss_sp)
        return NULL;
    if (eddyi_sys_sigaltstack(&ours, NULL) < 0) {
        eddyi_free(ours.ss_sp);
        return NULL;
    }
    return ours.ss_sp;
}

void eddyi_overflow_leave(void *token)
{
    stack_t now, none = {.ss_flags = SS_DISABLE};

    if (!token)
        return;
    /* The thread may have another alternate stack by now. */
    if (sigaltstack(NULL, &now) == 0 && now.ss_sp == token)
        sigaltstack(&none, NULL);
    eddyi_free(token);
}
