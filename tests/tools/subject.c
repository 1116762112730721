/*
 * A program to be looked at: `subject SCENE` gets its tasks into a state, says so with a line, and
 * stays there.
 */
#include <eddy.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static eddy_task *a, *b;

static eddy_async(await_the_other, (eddy_task **, other))
{
    return eddy_await(eddy_ref(*other));
}

static eddy_async(leaf, (double, delay))
{
    return eddy_sleep(delay);
}

static eddy_async(branch)
{
    return eddy_await(leaf(1000));
}

static eddy_async(both)
{
    return eddy_await(eddy_gather(branch(), branch()));
}

static eddy_async(receive, (int, fd))
{
    char c;

    return (int)eddy_sock_recv(fd, &c, 1);
}

static eddy_lock lock;

static eddy_async(take_lock)
{
    return eddy_lock_acquire(&lock);
}

/* Runs once all other tasks wait. */
static eddy_async(say_ready)
{
    for (int i = 0; i < 5; i++)
        eddy_try(eddy_sleep(0));
    puts("ready");
    return 0;
}

static eddy_async(take_both, (eddy_lock *, first), (eddy_lock *, second))
{
    eddy_try(eddy_lock_acquire(first));
    eddy_try(eddy_sleep(0));
    return eddy_lock_acquire(second);
}

/* Two tasks that take two locks, each in another order. */
static eddy_async(crosswise)
{
    static eddy_lock other_lock;

    eddy_try(eddy_spawn(take_both(&lock, &other_lock), .name = "one"));
    eddy_try(eddy_spawn(take_both(&other_lock, &lock), .name = "two"));
    eddy_try(eddy_spawn(say_ready()));
    return eddy_sleep(1000);
}

/* Two tasks that await each other, and one that waits for the first. */
static eddy_async(deadlock)
{
    a = eddy_create_task(await_the_other(&b), .name = "left");
    b = eddy_create_task(await_the_other(&a), .name = "right");
    eddy_try(eddy_spawn(say_ready()));
    return eddy_await(eddy_ref(a));
}

/* Names that do things to a terminal, as peers might give them. */
static eddy_async(names)
{
    a = eddy_create_task(leaf(1000), .name = "\033[31mred\033]0;title\a");
    b = eddy_create_task(await_the_other(&a), .name = "abc\u202egnp.exe\u2066\u200b\xff");
    eddy_try(eddy_spawn(say_ready()));
    return eddy_await(eddy_ref(b));
}

/* One of each way to wait. */
static eddy_async(zoo)
{
    eddy_task *shielded = eddy_create_task(leaf(1000), .name = "shielded"), *watched;
    eddy_group tg;
    int fds[2];

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
        return -errno;
    eddy_try(eddy_lock_acquire(&lock));
    eddy_try(eddy_spawn(take_lock(), .name = "locker"));
    eddy_try(eddy_spawn(receive(fds[0]), .name = "receiver"));
    eddy_try(eddy_spawn(both(), .name = "gatherer"));
    watched = eddy_create_task(leaf(1000), .name = "watched");
    eddy_try(eddy_spawn(say_ready(), .name = "speaker"));
    eddy_group_enter(&tg);
    eddy_group_create_task(&tg, eddy_wait_for(eddy_shield(shielded), 1000), .name = "member");
    eddy_group_create_task(&tg, await_the_other(&watched), .name = "watcher");
    return eddy_group_exit(&tg, 0);
}

static eddy_async_gen(sleepy_values)
{
    eddy_try(eddy_sleep(1000));
    return eddy_yield(NULL, NULL);
}

/* A task that is suspended within a generator, which has a stack of its own. */
static eddy_async(iterate)
{
    eddy_async_generator *g = sleepy_values();
    int rc;

    eddy_try(eddy_spawn(say_ready()));
    rc = eddy_anext(g, NULL);
    eddy_async_generator_free(g);
    return rc;
}

static void spin(void *arg)
{
    volatile unsigned n = 0;

    puts("ready");
    for (;;)
        n++;
}

/* A callback that does not return, while a task waits. */
static eddy_async(hang)
{
    eddy_try(eddy_spawn(leaf(1000), .name = "sleeper"));
    eddy_try(eddy_sleep(0));
    eddy_loop_call_soon(eddy_get_running_loop(), spin, NULL);
    return eddy_sleep(1000);
}

/* A task that does not return, in a function of its own. */
static __attribute__((noinline)) void compute_for_ever(void)
{
    spin(NULL);
}

static eddy_async(hang_in_task)
{
    eddy_try(eddy_spawn(leaf(1000), .name = "sleeper"));
    eddy_try(eddy_sleep(0));
    compute_for_ever();
    return 0;
}

static eddy_async(short_lived)
{
    return eddy_sleep(0);
}

/* Tasks come and go as fast as they can. */
static eddy_async(busy)
{
    eddy_try(eddy_spawn(leaf(1000), .name = "steady"));
    puts("ready");
    for (;;)
        eddy_try(
            eddy_await(eddy_gather(short_lived(), short_lived(), short_lived(), short_lived())));
}

/* Touches 100 KiB of the stack, from its caller's frame down. */
static __attribute__((noinline)) void dive(void)
{
    volatile char water[100 * 1024];

    for (size_t i = sizeof water; i > 0; i--)
        water[i - 1] = 0;
}

static eddy_async(sleep_after_dive)
{
    dive();
    return eddy_sleep(1000);
}

/* A task that was deep once, and one whose stack is of another size and hardly used. */
static eddy_async(stacks)
{
    eddy_try(eddy_spawn(sleep_after_dive(), .name = "deep"));
    eddy_try(eddy_spawn(leaf(1000), .name = "shallow", .stack_size = 512 * 1024));
    eddy_try(eddy_spawn(say_ready()));
    return eddy_sleep(1000);
}

static eddy_async(wait_for_next, (eddy_task *, next))
{
    return next ? eddy_await(next) : eddy_sleep(1000);
}

/* A chain of a thousand, each of which awaits the next. */
static eddy_async(chain)
{
    eddy_task *next = NULL;

    for (int i = 0; i < 1000; i++)
        next = eddy_create_task(wait_for_next(next));
    eddy_try(eddy_spawn(say_ready()));
    return eddy_await(next);
}

static const struct {
    const char *name;
    eddy_coroutine *(*make)(void);
} scenes[] = {{"deadlock", deadlock}, {"crosswise", crosswise}, {"generator", iterate},
              {"zoo", zoo},           {"hang", hang},           {"hang_in_task", hang_in_task},
              {"busy", busy},         {"chain", chain},         {"names", names},
              {"stacks", stacks}};

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    for (size_t i = 0; argc == 2 && i < sizeof scenes / sizeof scenes[0]; i++)
        if (strcmp(argv[1], scenes[i].name) == 0)
            return eddy_main(scenes[i].make(), .no_sigint = true);
    fprintf(stderr, "usage: subject SCENE\n");
    return 2;
}
