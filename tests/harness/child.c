/*
 * One test in a child process: start it, watch it, judge it.
 *
 * A child that takes too long is killed. With a call failing it is first interrupted as if by
 * Ctrl-C, because a test may wait for an event that never comes after the injected fault;
 * eddy_run() then cancels its coroutine and cleans up. Only a child that does not end even then
 * hangs.
 */
#include "harness/harness.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { TIME_LIMIT = 60, TORTURE_PATIENCE = 1 }; /* seconds, times test_slowness() */

struct report *report;
static int output = -1; /* the output of the latest child */
static bool tortured;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { BUILD_SLOWNESS = 5 };
#else
enum { BUILD_SLOWNESS = 1 };
#endif

/* Defaults of the sanitizers, which look these functions up by name: the first report ends the
 * process. */
#define LOOKED_UP __attribute__((visibility("default")))
LOOKED_UP const char *__asan_default_options(void);
LOOKED_UP const char *__tsan_default_options(void);
LOOKED_UP const char *__ubsan_default_options(void);

const char *__asan_default_options(void)
{
    return "detect_stack_use_after_return=1:exitcode=98:handle_abort=0";
}

const char *__tsan_default_options(void)
{
    return "halt_on_error=1:exitcode=98";
}

const char *__ubsan_default_options(void)
{
    return "print_stacktrace=1";
}

static int number_from_environment(const char *name, int otherwise)
{
    const char *text = getenv(name);
    int n = text ? atoi(text) : 0;

    return n > 0 ? n : otherwise;
}

int test_slowness(void)
{
    return number_from_environment("EDDY_TEST_SLOWNESS", BUILD_SLOWNESS);
}

bool test_tortured(void)
{
    return tortured;
}

/* Sent by the harness to a child under torture: inject no more faults, be interrupted. */
static int interrupt_signal(void)
{
    return SIGRTMAX - 2;
}

static volatile pid_t deputy; /* the process that test_in_child() waits for; else 0 */
static volatile sig_atomic_t body_is_over, is_deputy;

/* Returns true if no eddy_run() of this thread would handle the interrupt. */
static bool no_process_listens(void)
{
    struct sigaction present;

    return body_is_over ||
           (sigaction(SIGINT, NULL, &present) == 0 && present.sa_handler == SIG_DFL);
}

static void on_interrupt(int sig)
{
    /* The test may only be slow; if it hangs, it does so for all the time that it has. */
    if (!deputy && !is_deputy && no_process_listens())
        return;
    eddyi_torture_stop();
    if (deputy)
        kill(deputy, sig);
    else
        raise(SIGINT);
}

/* Ends with _exit and not exit: the functions registered for exit() are the harness's, not the
 * test's. */
void child_end(void)
{
    eddyi_torture_stop();
    report->finished = true;
    fflush(NULL);
    _exit(0);
}

static void run_body(const struct test *t, const struct fault_plan *plan)
{
    tortured = plan != NULL;
    leaks_before();
    if (plan)
        eddyi_torture_start(&report->torture);
    t->body();
    body_is_over = true;
    eddyi_torture_stop();
    eddyi_fault_clear();
    if (!report->unmet && !report->left_early)
        leaks_after();
}

static void child_main(const struct test *t, const struct fault_plan *plan)
{
    sigset_t none;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpgid(0, 0);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    close(output);
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (plan)
        sigaction(interrupt_signal(),
                  &(struct sigaction){.sa_handler = on_interrupt, .sa_flags = SA_RESTART}, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    run_body(t, plan);
    child_end();
}

static int64_t now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Waits for the child until the deadline. SIGCHLD is blocked, so none is missed between the two
 * calls. */
static bool wait_until(pid_t pid, int64_t deadline, int *ret_status)
{
    sigset_t chld;

    sigemptyset(&chld);
    sigaddset(&chld, SIGCHLD);
    for (;;) {
        int64_t left = deadline - now_ms();
        struct timespec ts = {left / 1000, left % 1000 * 1000000};

        if (waitpid(pid, ret_status, WNOHANG) == pid)
            return true;
        if (left <= 0)
            return false;
        sigtimedwait(&chld, NULL, &ts);
    }
}

enum ending { BY_ITSELF, INTERRUPTED, KILLED };

/*
 * Waits for the child to end, or ends it. The patience exceeds the duration without a fault, or
 * late calls would never come to fail.
 */
static enum ending watch(pid_t pid, const struct fault_plan *plan, int *ret_status)
{
    bool fails = plan && plan->nth;
    int64_t limit =
        number_from_environment("EDDY_TEST_TIMEOUT", TIME_LIMIT) * test_slowness() * 1000L;
    int64_t start = now_ms();

    if (fails) {
        int64_t patience = TORTURE_PATIENCE * test_slowness() * 1000L + 2 * plan->usual_ms;

        if (wait_until(pid, start + patience, ret_status))
            return BY_ITSELF;
        kill(pid, interrupt_signal());
        limit += patience;
    }
    if (wait_until(pid, start + limit, ret_status))
        return fails ? INTERRUPTED : BY_ITSELF;
    kill(pid, SIGKILL);
    waitpid(pid, ret_status, 0);
    return KILLED;
}

static enum verdict judge(const struct test *t, enum ending ending, int status, char *message,
                          size_t size)
{
    bool by_ctrl_c = WIFSIGNALED(status) && WTERMSIG(status) == SIGINT;

    if (report->unmet && ending == INTERRUPTED && WIFEXITED(status))
        /* it waited in vain, or the machine is slow: its expectations say nothing any more */
        return PASSED;
    if (report->unmet)
        snprintf(message, size, "%s", report->unmet_message);
    else if (ending == KILLED || (ending == INTERRUPTED && by_ctrl_c))
        snprintf(message, size, "%s: hangs; killed", t->file);
    else if (by_ctrl_c && report->torture.struck)
        return PASSED; /* the test sends Ctrl-C, and could not prepare for it */
    else if (WIFSIGNALED(status))
        snprintf(message, size, "%s: crashed: %s", t->file, strsignal(WTERMSIG(status)));
    else if (!report->finished || WEXITSTATUS(status) != 0)
        snprintf(message, size, "%s: ended with exit status %d%s", t->file, WEXITSTATUS(status),
                 report->finished ? "" : ", before its end");
    else if (report->broken)
        snprintf(message, size, "%s: %s", t->file, report->broken_message);
    else if (report->skipped)
        return snprintf(message, size, "%s", report->skip_reason), SKIPPED;
    else
        return PASSED;
    return FAILED;
}

static void report_reset(const struct fault_plan *plan)
{
    memset(report, 0, sizeof *report);
    if (!plan)
        return;
    report->torture.nth = plan->nth;
    report->torture.ever_after = plan->ever_after;
    report->torture.seed = plan->seed;
    report->torture.sites = plan->sites;
    report->torture.sites_size = plan->sites_size;
}

enum verdict child_run(const struct test *t, const struct fault_plan *plan, char *message,
                       size_t size)
{
    sigset_t blocked;
    int status;
    enum ending ending;
    int64_t began;
    pid_t pid;

    if (!report)
        report =
            mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (output < 0)
        output = memfd_create("output", MFD_CLOEXEC);
    if (report == MAP_FAILED || output < 0 || ftruncate(output, 0) < 0 ||
        lseek(output, 0, SEEK_SET) < 0) {
        perror("test harness");
        exit(2);
    }
    report_reset(plan);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGCHLD);
    /* a child may be slow to start, and has its handler only then */
    sigaddset(&blocked, interrupt_signal());
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    fflush(NULL);
    began = now_ms();
    pid = fork();
    if (pid < 0) {
        perror("test harness: fork");
        exit(2);
    }
    if (pid == 0)
        child_main(t, plan);
    ending = watch(pid, plan, &status);
    report->took_ms = now_ms() - began;
    kill(-pid, SIGKILL); /* all processes that the test has started and left */
    return judge(t, ending, status, message, size);
}

void child_run_here(const struct test *t, const struct fault_plan *plan)
{
    static struct report mine;

    report = &mine;
    report_reset(plan);
    run_body(t, plan);
}

void child_print_output(void)
{
    char buf[4096];
    ssize_t n;
    off_t at = 0;
    bool line_start = true;

    while ((n = pread(output, buf, sizeof buf, at)) > 0) {
        at += n;
        for (ssize_t i = 0; i < n; i++) {
            if (line_start)
                fputs("# ", stdout);
            putchar(buf[i]);
            line_start = buf[i] == '\n';
        }
    }
    if (!line_start)
        putchar('\n');
}

/* Removes what qemu says of a process that a signal ends, which is not the process's output. */
static void cut_emulator(char *buf)
{
    char *line = strstr(buf, "qemu: uncaught target signal");

    if (line)
        *line = '\0';
}

int test_in_child(void (*fn)(void *arg), void *arg, char *buf, size_t size)
{
    int fds[2], status = 0;
    size_t length = 0;
    ssize_t n;
    char rest[512];
    pid_t pid;

    fflush(NULL);
    if (pipe(fds) < 0 || (pid = fork()) < 0) {
        perror("test_in_child");
        child_end();
    }
    deputy = pid;
    if (pid == 0) {
        is_deputy = true;
        dup2(fds[1], STDOUT_FILENO);
        dup2(fds[1], STDERR_FILENO);
        close(fds[0]);
        close(fds[1]);
        fn(arg);
        fflush(NULL);
        _exit(0);
    }
    close(fds[1]);
    while ((n = read(fds[0], rest, sizeof rest)) > 0) {
        for (ssize_t i = 0; i < n && length + 1 < size; i++)
            buf[length++] = rest[i];
    }
    buf[length] = '\0';
    cut_emulator(buf);
    close(fds[0]);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    deputy = 0;
    return status;
}
