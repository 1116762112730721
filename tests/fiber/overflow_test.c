#include "harness/test.h"

#include "base/sys.h"
#include "fiber/fiber.h"
#include "fiber/overflow.h"
#include "fiber/stack.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct eddyi_stack *stack;
static struct eddyi_fiber thread, fiber;

static bool describe(const void *addr, bool left, char *buf, size_t size)
{
    if (!stack || !(left ? addr == stack->limit : eddyi_stack_guards(stack, addr)))
        return false;
    snprintf(buf, size, "the stack of the test is full\n");
    return true;
}

static void install(void)
{
    eddyi_overflow_install(describe);
    eddyi_overflow_enter();
}

/* Each frame is smaller than the guard, so that none jumps over it. */
__attribute__((noinline)) static int recurse(volatile char *above, int depth)
{
    volatile char frame[1000];

    frame[0] = *above;
    frame[999] = 1;
    return depth == 0 ? 0 : recurse(frame, depth - 1) + frame[999];
}

static struct eddyi_fiber *overflow(void *arg)
{
    volatile char c = 0;

    _exit(recurse(&c, 1000000) < 0);
    return &thread;
}

static void overflow_a_fiber(void *arg)
{
    struct eddyi_stack_pool *pool;

    install();
    if (eddyi_stack_pool_new(64, &pool) < 0 || eddyi_stack_take(pool, 64 * 1024, &stack) < 0)
        _exit(1);
    eddyi_fiber_init_thread(&thread);
    eddyi_fiber_init(&fiber, stack->limit, stack->object, overflow, NULL);
    eddyi_fiber_switch(&thread, &fiber);
}

TEST(an_overflow_is_described_and_aborts)
{
    char output[4096];
    int status = test_in_child(overflow_a_fiber, NULL, output, sizeof(output));

    EXPECT(WIFSIGNALED(status));
    EXPECT_EQ(WTERMSIG(status), SIGABRT);
    EXPECT_IN("the stack of the test is full", output);
}

static void on_signal(int signo)
{
    _exit(signo == SIGSEGV ? 42 : 43);
}

static void on_signal_with_info(int signo, siginfo_t *info, void *context)
{
    _exit(signo == SIGBUS && info->si_code == SI_TKILL ? 44 : 45);
}

/* Not a wild pointer: valgrind and AddressSanitizer would have a word to say about that first. */
static void fault(void)
{
    static const char constant[8] = "constant";

    *(volatile char *)(uintptr_t)constant = 1;
}

static void fault_with_earlier_handler(void *arg)
{
    signal(SIGSEGV, on_signal);
    install();
    fault();
}

static void fault_without_handler(void *arg)
{
    signal(SIGSEGV, SIG_DFL);
    install();
    fault();
}

static void raise_with_earlier_handler(void *arg)
{
    struct sigaction act = {.sa_sigaction = on_signal_with_info, .sa_flags = SA_SIGINFO};

    sigaction(SIGBUS, &act, NULL);
    install();
    raise(SIGBUS);
}

static void raise_without_handler(void *arg)
{
    signal(SIGSEGV, SIG_DFL);
    install();
    raise(SIGSEGV);
    _exit(0);
}

static void raise_what_is_ignored(void *arg)
{
    signal(SIGSEGV, SIG_IGN);
    install();
    raise(SIGSEGV);
    _exit(46);
}

TEST(any_other_fault_goes_to_the_earlier_handler)
{
    char output[4096];

    EXPECT_EQ(WEXITSTATUS(test_in_child(fault_with_earlier_handler, NULL, output, sizeof(output))),
              42);
    EXPECT_EQ(WEXITSTATUS(test_in_child(raise_with_earlier_handler, NULL, output, sizeof(output))),
              44);
    EXPECT_EQ(WEXITSTATUS(test_in_child(raise_what_is_ignored, NULL, output, sizeof(output))), 46);
}

TEST(any_other_fault_ends_the_process_as_ever_if_there_was_no_handler)
{
    char output[4096];

    EXPECT_EQ(WTERMSIG(test_in_child(fault_without_handler, NULL, output, sizeof(output))),
              SIGSEGV);
    EXPECT_EQ(WTERMSIG(test_in_child(raise_without_handler, NULL, output, sizeof(output))),
              SIGSEGV);
}

/* A sanitizer's own would hide what is tested. */
static void disable_alternate_stack(void)
{
    stack_t none = {.ss_flags = SS_DISABLE};

    REQUIRE(sigaltstack(&none, NULL) == 0);
}

TEST(a_thread_gets_an_alternate_stack_and_loses_it_again)
{
    stack_t now;
    void *token;

    disable_alternate_stack();
    token = eddyi_overflow_enter();
    sigaltstack(NULL, &now);
    EXPECT(now.ss_sp == token);
    EXPECT(test_tortured() || now.ss_size >= 64 * 1024);

    eddyi_overflow_leave(token);
    sigaltstack(NULL, &now);
    EXPECT_EQ(now.ss_flags, SS_DISABLE);
}

TEST(a_thread_keeps_the_alternate_stack_it_has)
{
    static char own[64 * 1024];
    stack_t mine = {.ss_sp = own, .ss_size = sizeof(own)}, now;
    void *token;

    disable_alternate_stack();
    REQUIRE(sigaltstack(&mine, NULL) == 0);
    token = eddyi_overflow_enter();
    EXPECT(token == NULL);
    eddyi_overflow_leave(token);

    sigaltstack(NULL, &now);
    EXPECT(now.ss_sp == own);
    disable_alternate_stack();
}

TEST(an_alternate_stack_that_replaced_ours_stays)
{
    static char own[64 * 1024];
    stack_t mine = {.ss_sp = own, .ss_size = sizeof(own)}, now;
    void *token;

    disable_alternate_stack();
    token = eddyi_overflow_enter();
    REQUIRE(sigaltstack(&mine, NULL) == 0);
    eddyi_overflow_leave(token);

    sigaltstack(NULL, &now);
    EXPECT(now.ss_sp == own);
    disable_alternate_stack();
}

TEST(without_memory_there_is_no_alternate_stack_and_nothing_breaks)
{
    disable_alternate_stack();

    eddyi_fault_only("malloc", ENOMEM);
    EXPECT(eddyi_overflow_enter() == NULL);
    eddyi_fault_clear();
    eddyi_fault_only("sigaltstack", EPERM);
    EXPECT(eddyi_overflow_enter() == NULL);
    eddyi_fault_clear();
    eddyi_overflow_leave(NULL);
}
