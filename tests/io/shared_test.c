/*
 * Descriptors that loops in several threads have, and that are blocking: what one takes, another
 * must not wait for in a call. A loop that did would not end.
 */
#include "io/sockets.h"

#include <pthread.h>
#include <pty.h>
#include <sched.h>
#include <termios.h>

enum { THREADS = 2, PIECES = 300 };

struct taker {
    int fd, taken, result;
    int (*take)(int fd);
    eddy_loop *loop;
    eddy_task *task;
    pthread_t thread;
};

static atomic_int n_taken;

static int take_connection(int fd)
{
    int rc = eddy_sock_accept(fd, NULL, NULL);

    if (rc >= 0)
        close(rc);
    return rc < 0 ? rc : 1;
}

static int take_byte(int fd)
{
    char c;

    return (int)eddy_file_read(fd, &c, 1, -1);
}

static int take_all(void *arg)
{
    struct taker *t = arg;

    do {
        t->result = t->take(t->fd);
        if (t->result > 0)
            atomic_fetch_add(&n_taken, 1);
    } while (t->result > 0);
    return 0;
}

static void *run_taker(void *arg)
{
    struct taker *t = arg;

    (void)eddy_loop_run_until_complete(t->loop, eddy_ref(t->task));
    return NULL;
}

static void end_task(void *task)
{
    eddy_task_cancel(task, NULL);
}

static void start(struct taker *t)
{
    t->loop = test_real_loop();
    REQUIRE(t->loop != NULL);
    t->task = eddy_loop_create_task(t->loop, eddy_coro(take_all, t));
    REQUIRE(t->task != NULL);
    REQUIRE(pthread_create(&t->thread, NULL, run_taker, t) == 0);
}

static void end(struct taker *t)
{
    (void)eddy_loop_call_soon_threadsafe(t->loop, end_task, t->task);
    pthread_join(t->thread, NULL);
    EXPECT_EQ(t->result, -ECANCELED);
    eddy_unref(t->task);
    eddy_loop_unref(t->loop);
}

/* Each piece makes both loops ready, and one of them finds it. */
static void take_in_turns(int fd, int (*take)(int), bool (*give)(const void *), const void *arg)
{
    struct taker takers[THREADS];

    for (int i = 0; i < THREADS; i++) {
        takers[i] = (struct taker){.fd = fd, .take = take};
        start(&takers[i]);
    }
    for (int n = 1; n <= PIECES; n++) {
        REQUIRE(give(arg));
        while (atomic_load(&n_taken) < n)
            sched_yield();
    }
    for (int i = 0; i < THREADS; i++)
        end(&takers[i]);
    EXPECT(!(fcntl(fd, F_GETFL) & O_NONBLOCK));
}

static bool give_connection(const void *addr)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool given = connect(fd, addr, sizeof(struct sockaddr_in)) == 0;

    close(fd);
    return given;
}

TEST_REAL(threads_that_accept_from_one_blocking_listener_do_not_wait_in_the_call)
{
    struct sockaddr_in addr;
    int listener = socket_listen(&addr, 0);

    if (test_tortured()) {
        close(listener);
        return;
    }
    take_in_turns(listener, take_connection, give_connection, &addr);
    close(listener);
}

static bool give_byte(const void *arg)
{
    return write(*(const int *)arg, "x", 1) == 1;
}

TEST_REAL(threads_that_read_one_blocking_terminal_do_not_wait_in_the_call)
{
    struct termios raw;
    int master, terminal;

    if (test_tortured())
        return;
    REQUIRE(openpty(&master, &terminal, NULL, NULL, NULL) == 0);
    tcgetattr(terminal, &raw);
    cfmakeraw(&raw);
    tcsetattr(terminal, TCSANOW, &raw);
    take_in_turns(terminal, take_byte, give_byte, &master);
    close(terminal);
    close(master);
}

TEST_REAL(threads_that_read_one_blocking_pipe_do_not_wait_in_the_call)
{
    int p[2];

    if (test_tortured())
        return;
    REQUIRE(pipe2(p, O_CLOEXEC) == 0);
    take_in_turns(p[0], take_byte, give_byte, &p[1]);
    close(p[0]);
    close(p[1]);
}
