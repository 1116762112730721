/*
 * add_reader and add_writer, through the public functions, on the backend of the environment.
 */
#include "io/sockets.h"

#include <mqueue.h>
#include <poll.h>
#include <pthread.h>

/* A callback that counts, and may do something more. */
struct watcher {
    int fd;
    int calls;
    int limit; /* removes itself at this call; 0: never */
    void (*then)(struct watcher *w);
    struct watcher *other; /* for then() */
    int order;             /* of its first call among all */
    int *clock;
};

static void called(void *arg)
{
    struct watcher *w = arg;

    if (w->calls++ == 0 && w->clock)
        w->order = ++*w->clock;
    if (w->calls == w->limit)
        eddy_loop_remove_reader(eddy_get_running_loop(), w->fd);
    if (w->then)
        w->then(w);
}

static eddy_loop *here(void)
{
    return eddy_get_running_loop();
}

static int turns(int n)
{
    for (int i = 0; i < n; i++)
        eddy_try(eddy_sleep(0));
    return 0;
}

/* Turns until it was called that often, and how many: more than that where quick ones share a look
 * at the kernel. */
static int turns_until_called(const struct watcher *w, int times)
{
    int n = 0;

    while (w->calls < times && n < 100 * times && eddy_sleep(0) == 0)
        n++;
    return n;
}

/* Lets some time pass in which the loop really waits. */
static int pass(void)
{
    return eddy_sleep(0.003);
}

TEST_ASYNC_REAL(a_reader_is_called_while_there_is_something_to_read)
{
    struct watcher w = {.limit = 3};
    int s[2];

    pair_open(s);
    w.fd = s[0];
    EXPECT_EQ(eddy_loop_add_reader(here(), s[0], called, &w), 0);
    pass();
    EXPECT_EQ(w.calls, 0);
    EXPECT(socket_write(s[1], "unread"));
    for (int i = 0; i < 20; i++)
        pass();
    EXPECT_EQ(w.calls, 3);
    EXPECT(!eddy_loop_remove_reader(here(), s[0]));
    pair_close(s);
    return 0;
}

TEST_ASYNC_REAL(a_reader_is_called_at_most_once_a_turn)
{
    struct watcher w = {0};
    int s[2];

    pair_open(s);
    w.fd = s[0];
    EXPECT(socket_write(s[1], "unread"));
    EXPECT_EQ(eddy_loop_add_reader(here(), s[0], called, &w), 0);
    EXPECT(turns_until_called(&w, 10) >= 10);
    EXPECT_EQ(w.calls, 10);
    EXPECT(eddy_loop_remove_reader(here(), s[0]));
    pair_close(s);
    return 0;
}

static void fill_up(struct watcher *w)
{
    static const char block[65536];

    while (send(w->fd, block, sizeof block, MSG_DONTWAIT) > 0)
        ;
}

TEST_ASYNC_REAL(a_writer_is_called_while_there_is_room)
{
    static char sink[65536];
    struct watcher w = {.then = fill_up};
    int s[2];

    pair_open(s);
    w.fd = s[0];
    EXPECT_EQ(eddy_loop_add_writer(here(), s[0], called, &w), 0);
    for (int i = 0; i < 5; i++)
        pass();
    EXPECT_EQ(w.calls, 1);
    while (read(s[1], sink, sizeof sink) > 0)
        ;
    for (int i = 0; i < 5; i++)
        pass();
    EXPECT_EQ(w.calls, 2);
    EXPECT(eddy_loop_remove_writer(here(), s[0]));
    EXPECT(!eddy_loop_remove_writer(here(), s[0]));
    pair_close(s);
    return 0;
}

TEST_ASYNC_REAL(of_one_descriptor_the_reader_comes_before_the_writer, .ordered = true)
{
    int clock = 0;
    struct watcher reader = {.clock = &clock}, writer = {.clock = &clock};
    int s[2];

    pair_open(s);
    EXPECT(socket_write(s[1], "x"));
    EXPECT_EQ(eddy_loop_add_writer(here(), s[0], called, &writer), 0);
    EXPECT_EQ(eddy_loop_add_reader(here(), s[0], called, &reader), 0);
    turns_until_called(&writer, 1);
    EXPECT_EQ(reader.order, 1);
    EXPECT_EQ(writer.order, 2);
    eddy_loop_remove_writer(here(), s[0]);
    eddy_loop_remove_reader(here(), s[0]);
    pair_close(s);
    return 0;
}

TEST_ASYNC_REAL(a_hang_up_calls_the_reader)
{
    struct watcher w = {.limit = 1};
    int s[2];

    pair_open(s);
    w.fd = s[0];
    EXPECT_EQ(eddy_loop_add_reader(here(), s[0], called, &w), 0);
    turns(2);
    close(s[1]);
    for (int i = 0; i < 5; i++)
        pass();
    EXPECT_EQ(w.calls, 1);
    close(s[0]);
    return 0;
}

/* Replacing and removing. */

TEST_ASYNC_REAL(a_second_reader_replaces_the_first)
{
    struct watcher first = {0}, second = {0};
    int s[2];

    pair_open(s);
    EXPECT_EQ(eddy_loop_add_reader(here(), s[0], called, &first), 0);
    turns(2);
    EXPECT(socket_write(s[1], "x"));
    EXPECT_EQ(eddy_loop_add_reader(here(), s[0], called, &second), 0);
    turns_until_called(&second, 1);
    EXPECT_EQ(first.calls, 0);
    EXPECT(second.calls > 0);
    EXPECT(eddy_loop_remove_reader(here(), s[0]));
    EXPECT(!eddy_loop_remove_reader(here(), s[0]));
    pair_close(s);
    return 0;
}

static void remove_both(struct watcher *w)
{
    eddy_loop_remove_reader(here(), w->fd);
    eddy_loop_remove_reader(here(), w->other->fd);
}

TEST_ASYNC_REAL(a_call_that_is_due_is_dropped_with_its_reader)
{
    struct watcher one = {.then = remove_both}, two = {.then = remove_both, .other = &one};
    int s[2], t[2];

    pair_open(s);
    pair_open(t);
    one.fd = s[0];
    two.fd = t[0];
    one.other = &two;
    EXPECT(socket_write(s[1], "x"));
    EXPECT(socket_write(t[1], "x"));
    EXPECT_EQ(eddy_loop_add_reader(here(), s[0], called, &one), 0);
    EXPECT_EQ(eddy_loop_add_reader(here(), t[0], called, &two), 0);
    for (int i = 0; i < 5; i++)
        pass();
    EXPECT_EQ(one.calls + two.calls, 1);
    eddy_loop_remove_reader(here(), s[0]);
    eddy_loop_remove_reader(here(), t[0]);
    pair_close(s);
    pair_close(t);
    return 0;
}

static void replace_self(struct watcher *w)
{
    EXPECT_EQ(eddy_loop_add_reader(here(), w->fd, called, w->other), 0);
}

TEST_ASYNC_REAL(a_reader_may_replace_itself)
{
    struct watcher second = {.limit = 2}, first = {.then = replace_self, .other = &second};
    int s[2];

    pair_open(s);
    first.fd = second.fd = s[0];
    EXPECT(socket_write(s[1], "x"));
    EXPECT_EQ(eddy_loop_add_reader(here(), s[0], called, &first), 0);
    for (int i = 0; i < 5; i++)
        pass();
    EXPECT_EQ(first.calls, 1);
    EXPECT_EQ(second.calls, 2);
    eddy_loop_remove_reader(here(), s[0]);
    pair_close(s);
    return 0;
}

TEST_ASYNC_REAL(a_number_that_is_used_again_has_none_of_the_former_reader)
{
    struct watcher before = {0}, after = {.limit = 1};
    int s[2], t[2], number;

    pair_open(s);
    number = s[0];
    EXPECT_EQ(eddy_loop_add_reader(here(), number, called, &before), 0);
    turns(2);
    EXPECT(eddy_loop_remove_reader(here(), number));
    pair_close(s);
    pair_open(t);
    after.fd = t[0];
    EXPECT_EQ(t[0], number);
    EXPECT_EQ(eddy_loop_add_reader(here(), t[0], called, &after), 0);
    EXPECT(socket_write(t[1], "x"));
    for (int i = 0; i < 5; i++)
        pass();
    EXPECT_EQ(before.calls, 0);
    EXPECT_EQ(after.calls, 1);
    eddy_loop_remove_reader(here(), t[0]);
    pair_close(t);
    return 0;
}

/* Descriptors that cannot be watched. */

TEST_ASYNC_REAL(what_cannot_be_watched_is_refused)
{
    struct watcher w = {0};
    int s[2], file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

    pair_open(s);
    EXPECT_EQ(eddy_loop_add_reader(here(), file, called, &w), -EPERM);
    EXPECT_IN("add_reader: descriptor", eddy_exception_message(eddy_error()));
    EXPECT_EQ(eddy_loop_add_writer(here(), file, called, &w), -EPERM);
    EXPECT_EQ(eddy_loop_add_reader(here(), -1, called, &w), -EBADF);
    EXPECT_EQ(eddy_loop_add_reader(here(), INT32_MAX, called, &w), -EBADF);
    EXPECT_EQ(eddy_loop_add_reader(here(), s[0], NULL, &w), -EINVAL);
    EXPECT(!eddy_loop_remove_reader(here(), -1));
    EXPECT(!eddy_loop_remove_reader(here(), INT32_MAX));
    EXPECT_EQ(eddy_loop_add_reader(NULL, s[0], called, &w), EDDY_ENOLOOP);
    pair_close(s);
    EXPECT_EQ(eddy_loop_add_reader(here(), s[0], called, &w), -EBADF);
    close(file);
    return 0;
}

TEST_ASYNC(the_virtual_clock_watches_nothing)
{
    struct watcher w = {0};
    int s[2];

    pair_open(s);
    EXPECT_EQ(eddy_loop_add_reader(here(), s[0], called, &w), -EOPNOTSUPP);
    EXPECT(!eddy_loop_remove_reader(here(), s[0]));
    pair_close(s);
    return 0;
}

struct told {
    int times;
    int code;
};

static void hear(eddy_loop *loop, const eddy_exception_context *context, void *arg)
{
    struct told *told = arg;

    told->times++;
    told->code = context->exception ? eddy_exception_code(context->exception) : 0;
}

static void close_it(struct watcher *w)
{
    close(w->fd);
}

TEST_ASYNC_REAL(a_descriptor_that_its_callback_closes_is_reported_and_watched_no_more)
{
    struct watcher w = {.then = close_it};
    struct told told = {0};
    int s[2];

    pair_open(s);
    w.fd = s[0];
    eddy_loop_set_exception_handler(here(), hear, &told);
    EXPECT(socket_write(s[1], "x"));
    EXPECT_EQ(eddy_loop_add_reader(here(), s[0], called, &w), 0);
    for (int i = 0; i < 5; i++)
        pass();
    EXPECT_EQ(w.calls, 1);
    EXPECT_EQ(told.times, 1);
    EXPECT_EQ(told.code, -EBADF);
    EXPECT(!eddy_loop_remove_reader(here(), s[0]));
    if (w.calls == 0)
        close(s[0]);
    close(s[1]);
    return 0;
}

/* Together with tasks. */

static int receive(void *arg)
{
    struct watcher *w = arg;
    char buf[8];

    w->calls = (int)eddy_sock_recv(w->fd, buf, sizeof buf);
    return 0;
}

TEST_ASYNC_REAL(a_task_that_receives_and_a_reader_exclude_each_other)
{
    struct watcher task = {0}, w = {0};
    char buf[8];
    eddy_task *t;
    int s[2];

    pair_open(s);
    task.fd = s[0];
    t = eddy_create_task(eddy_coro(receive, &task));
    REQUIRE(t != NULL);
    turns(2);
    if (task.calls == 0) {
        EXPECT_EQ(eddy_loop_add_reader(here(), s[0], called, &w), -EBUSY);
        EXPECT(!eddy_loop_remove_reader(here(), s[0]));
    }
    EXPECT_EQ(eddy_loop_add_writer(here(), s[0], called, &w), 0);
    EXPECT(socket_write(s[1], "x"));
    eddy_await(t);
    EXPECT_EQ(task.calls, 1);
    eddy_loop_remove_writer(here(), s[0]);

    if (EXPECT_EQ(eddy_loop_add_reader(here(), s[0], called, &w), 0))
        EXPECT_EQ(eddy_sock_recv(s[0], buf, sizeof buf), -EBUSY);
    eddy_loop_remove_reader(here(), s[0]);
    pair_close(s);
    return 0;
}

static eddy_contextvar colour = EDDY_CONTEXTVAR("colour", NULL);

static void look(void *arg)
{
    const char **seen = arg;

    *seen = eddy_contextvar_get(&colour);
    eddy_contextvar_set(&colour, "changed by the callback", NULL);
}

TEST_ASYNC_REAL(a_reader_runs_in_the_context_in_which_it_was_added)
{
    const char *seen = "nothing";
    int s[2];

    pair_open(s);
    EXPECT(socket_write(s[1], "x"));
    EXPECT_EQ(eddy_contextvar_set(&colour, "red", NULL), 0);
    EXPECT_EQ(eddy_loop_add_reader(here(), s[0], look, &seen), 0);
    EXPECT_EQ(eddy_contextvar_set(&colour, "blue", NULL), 0);
    for (int i = 0; i < 1000 && seen && strcmp(seen, "nothing") == 0; i++)
        if (eddy_sleep(0.0001) < 0) /* turns that only yield may share a look at the kernel */
            break;
    eddy_loop_remove_reader(here(), s[0]);
    EXPECT(seen && (strcmp(seen, "red") == 0 || strcmp(seen, "changed by the callback") == 0));
    seen = eddy_contextvar_get(&colour);
    EXPECT(seen && strcmp(seen, "blue") == 0);
    pair_close(s);
    return 0;
}

/* Descriptors that are closed, and files with events. */

static int listen_at(struct sockaddr_in *addr)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

    EXPECT(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0);
    EXPECT(bind(fd, (struct sockaddr *)addr, sizeof *addr) == 0 && listen(fd, 5) == 0);
    return fd;
}

TEST_ASYNC_REAL(when_its_reader_is_removed_a_closed_listener_leaves_its_port_free)
{
    struct watcher w = {0};
    struct sockaddr_in addr;
    int fd = socket_listen(&addr, SOCK_NONBLOCK);

    EXPECT_EQ(eddy_loop_add_reader(here(), fd, called, &w), 0);
    EXPECT_EQ(eddy_loop_add_writer(here(), fd, called, &w), 0);
    pass();
    eddy_loop_remove_reader(here(), fd);
    eddy_loop_remove_writer(here(), fd);
    close(fd);
    close(listen_at(&addr));
    EXPECT_EQ(pass(), 0);
    EXPECT_EQ(w.calls, 0);
    return 0;
}

TEST_REAL(between_runs_of_a_loop_a_socket_that_is_watched_no_more_can_be_closed)
{
    eddy_loop *loop = test_real_loop();
    struct watcher w = {0};
    int s[2];
    char c;

    REQUIRE(loop != NULL);
    pair_open(s);
    EXPECT_EQ(eddy_loop_add_reader(loop, s[0], called, &w), 0);
    EXPECT_EQ(eddy_loop_run_until_complete(loop, eddy_sleep_coro(0.001, 0, NULL)), 0);
    eddy_loop_remove_reader(loop, s[0]);
    close(s[0]);
    EXPECT_EQ(recv(s[1], &c, 1, MSG_DONTWAIT), 0);
    close(s[1]);
    EXPECT_EQ(eddy_loop_close(loop), 0);
    eddy_loop_unref(loop);
}

static void take_message(struct watcher *w)
{
    char buf[8];

    EXPECT_EQ(mq_receive(w->fd, buf, sizeof buf, NULL), 5);
}

TEST_ASYNC_REAL(a_message_queue_is_watched_and_polled)
{
    struct mq_attr attr = {.mq_maxmsg = 1, .mq_msgsize = 8};
    mqd_t queue =
        mq_open("/eddy-test-watch", O_CREAT | O_RDWR | O_NONBLOCK | O_CLOEXEC, 0600, &attr);
    struct watcher w = {.fd = queue, .then = take_message, .limit = 1};

    if (queue < 0)
        SKIP("no POSIX message queues");
    mq_unlink("/eddy-test-watch");
    EXPECT_EQ(eddy_loop_add_reader(here(), queue, called, &w), 0);
    pass();
    EXPECT_EQ(w.calls, 0);
    EXPECT_EQ(mq_send(queue, "hello", 5, 0), 0);
    turns_until_called(&w, 1);
    EXPECT_EQ(w.calls, 1);
    eddy_loop_remove_reader(here(), queue);
    EXPECT_EQ(mq_send(queue, "again", 5, 0), 0);
    EXPECT_EQ(eddy_poll(queue, POLLIN), POLLIN);
    mq_close(queue);
    return 0;
}

/* Loops. */

TEST_REAL(a_loop_that_closes_drops_its_watches)
{
    eddy_loop *loop = test_real_loop();
    struct watcher due = {0}, waiting = {0};
    int s[2], t[2];

    REQUIRE(loop != NULL);
    pair_open(s);
    pair_open(t);
    EXPECT(socket_write(s[1], "x"));
    EXPECT_EQ(eddy_loop_add_reader(loop, s[0], called, &due), 0);
    EXPECT_EQ(eddy_loop_add_reader(loop, t[0], called, &waiting), 0);
    for (int i = 0; i < 2; i++) {
        eddy_loop_stop(loop);
        EXPECT_EQ(eddy_loop_run_forever(loop), 0);
    }
    EXPECT(due.calls > 0);
    EXPECT_EQ(eddy_loop_close(loop), 0);
    EXPECT_EQ(eddy_loop_add_reader(loop, s[0], called, &due), EDDY_ECLOSED);
    EXPECT(!eddy_loop_remove_reader(loop, t[0]));
    eddy_loop_unref(loop);
    pair_close(s);
    pair_close(t);
}

static void *add_from_there(void *arg)
{
    struct watcher *w = arg;

    w->order = eddy_loop_add_reader((eddy_loop *)(void *)w->clock, w->fd, called, w);
    return NULL;
}

TEST_ASYNC_REAL(another_thread_may_not_add_a_reader)
{
    struct watcher w = {.clock = (int *)(void *)here()};
    pthread_t thread;
    int s[2];

    pair_open(s);
    w.fd = s[0];
    REQUIRE(pthread_create(&thread, NULL, add_from_there, &w) == 0);
    pthread_join(thread, NULL);
    EXPECT_EQ(w.order, EDDY_ETHREAD);
    pair_close(s);
    return 0;
}
