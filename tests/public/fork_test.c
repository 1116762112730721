/*
 * Calls in a child that a task or a callback forked: each that would suspend, or needs a running
 * loop, gives EDDY_EFORKED, as those on objects of the parent do (loop.h).
 */
#include "loop/forks.h"

#include <fcntl.h>
#include <string.h>

static int latest(bool failed)
{
    return failed ? eddy_exception_code(eddy_error()) : 0;
}

static int nothing(void *arg)
{
    return 0;
}

static int ignore(eddy_reader *reader, eddy_writer *writer, void *arg)
{
    return 0;
}

static eddy_async_gen(yields_nothing)
{
    return 0;
}

#define CALL(name, expr)                                                                           \
    static int name(void)                                                                          \
    {                                                                                              \
        return (int)(expr);                                                                        \
    }

static eddy_future *ended; /* of the parent's loop */
static eddy_lock held;
static eddy_event event;
static eddy_condition condition;
static eddy_semaphore semaphore;
static eddy_barrier barrier = EDDY_BARRIER_INIT(2);
static eddy_queue queue;
static eddy_reader *reader;
static eddy_writer *writer;
static eddy_server *server;
static eddy_process *process;
static eddy_datagram_endpoint *endpoint;
static eddy_signals signals;
static eddy_future_call_graph *graph;
static struct addrinfo *addresses;
static struct stat status;
static void *item;
static char buffer[4];
static const struct sockaddr_in local = {.sin_family = AF_INET};

CALL(sleeping, eddy_sleep(0))
CALL(coroutine, eddy_await(eddy_coro(nothing, NULL)))
CALL(future, eddy_await(eddy_future_ref(ended)))
CALL(no_future, eddy_wait(&ended, 1, 1, EDDY_ALL_COMPLETED))
CALL(returning, eddy_return("x"))
CALL(task, latest(!eddy_create_task(eddy_coro(nothing, NULL))))
CALL(spawning, eddy_spawn(eddy_coro(nothing, NULL)))
CALL(new_future, latest(!eddy_create_future()))
CALL(gathering, latest(!eddy_gather(eddy_coro(nothing, NULL))))
CALL(limited, eddy_await(eddy_wait_for(eddy_coro(nothing, NULL), 1)))
CALL(completions, latest(!eddy_as_completed(EDDY_LIST(eddy_coro(nothing, NULL)), 1)))
CALL(locking, eddy_lock_acquire(&held))
CALL(waiting_for_event, eddy_event_wait(&event))
CALL(waiting_for_condition, eddy_condition_acquire(&condition))
CALL(semaphore_of_nothing, eddy_semaphore_acquire(&semaphore))
CALL(meeting, eddy_barrier_wait(&barrier))
CALL(getting, eddy_queue_get(&queue, &item))
CALL(job, latest(!eddy_loop_run_in_executor(NULL, NULL, nothing, NULL)))
CALL(thread, eddy_await(eddy_to_thread(nothing, NULL)))
CALL(next, eddy_anext(yields_nothing(), &item))
CALL(opening, eddy_file_open("/dev/null", O_RDONLY, 0))
CALL(asking, eddy_file_stat("/", &status))
CALL(receiving, eddy_sock_recv(0, buffer, sizeof buffer))
CALL(connecting, eddy_sock_connect(0, (const struct sockaddr *)&local, sizeof local))
CALL(name, eddy_getaddrinfo("127.0.0.1", "1", NULL, &addresses))
CALL(address, eddy_getnameinfo((const struct sockaddr *)&local, sizeof local, buffer, sizeof buffer,
                               NULL, 0, NI_NUMERICHOST))
CALL(connection, eddy_open_connection("127.0.0.1", 1, &reader, &writer))
CALL(unix_connection, eddy_open_unix_connection("/none", 0, &reader, &writer))
CALL(serving, eddy_start_server(ignore, NULL, "127.0.0.1", 0, &server))
CALL(datagrams, eddy_create_datagram_endpoint(&endpoint, .local_host = "127.0.0.1"))
CALL(program, eddy_create_subprocess_exec(eddy_argv("true"), &process))
CALL(shell, eddy_create_subprocess_shell("true", &process))
CALL(signal_once, eddy_signal_wait(SIGUSR1))
CALL(signals_often, eddy_signals_open(&signals, SIGUSR1))
CALL(empty_reader, eddy_reader_new(0, &reader))
CALL(call_graph, eddy_capture_call_graph(NULL, NULL, &graph))
CALL(dump, eddy_dump_tasks(NULL, STDERR_FILENO))

static int group(void)
{
    eddy_group tg;

    eddy_group_enter(&tg);
    return eddy_group_exit(&tg, 0);
}

static int timeout(void)
{
    eddy_timeout tm;

    eddy_timeout_enter(&tm, 1);
    return eddy_timeout_exit(&tm, 0);
}

static const struct {
    const char *name;
    int (*call)(void);
} calls[] = {
    {"eddy_sleep", sleeping},
    {"eddy_await of a coroutine", coroutine},
    {"eddy_await of a future", future},
    {"eddy_wait", no_future},
    {"eddy_return", returning},
    {"eddy_create_task", task},
    {"eddy_spawn", spawning},
    {"eddy_create_future", new_future},
    {"eddy_gather", gathering},
    {"eddy_wait_for", limited},
    {"eddy_as_completed", completions},
    {"eddy_group_exit", group},
    {"eddy_timeout_exit", timeout},
    {"eddy_lock_acquire", locking},
    {"eddy_event_wait", waiting_for_event},
    {"eddy_condition_acquire", waiting_for_condition},
    {"eddy_semaphore_acquire", semaphore_of_nothing},
    {"eddy_barrier_wait", meeting},
    {"eddy_queue_get", getting},
    {"eddy_loop_run_in_executor", job},
    {"eddy_to_thread", thread},
    {"eddy_anext", next},
    {"eddy_file_open", opening},
    {"eddy_file_stat", asking},
    {"eddy_sock_recv", receiving},
    {"eddy_sock_connect", connecting},
    {"eddy_getaddrinfo", name},
    {"eddy_getnameinfo", address},
    {"eddy_open_connection", connection},
    {"eddy_open_unix_connection", unix_connection},
    {"eddy_start_server", serving},
    {"eddy_create_datagram_endpoint", datagrams},
    {"eddy_create_subprocess_exec", program},
    {"eddy_create_subprocess_shell", shell},
    {"eddy_signal_wait", signal_once},
    {"eddy_signals_open", signals_often},
    {"eddy_reader_new", empty_reader},
    {"eddy_capture_call_graph", call_graph},
    {"eddy_dump_tasks", dump},
};

static void call_all(void *unused)
{
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        int rc = calls[i].call();

        if (rc != EDDY_EFORKED || latest(true) != EDDY_EFORKED)
            printf("%s: %d\n", calls[i].name, rc);
    }
    fflush(stdout);
}

static void expect_all_refused(void)
{
    char output[4000];

    EXPECT_EQ(test_in_child(call_all, NULL, output, sizeof output), 0);
    EXPECT_STR(output, "");
}

/* The events for which the calls would have to wait. */
static int hold_all(void)
{
    ended = eddy_create_future();
    eddy_queue_init(&queue, 0);
    eddy_try(eddy_future_set_result(ended, 0));
    eddy_try(eddy_lock_acquire(&held));
    return eddy_condition_acquire(&condition);
}

static void let_go_all(void)
{
    eddy_unref(ended);
    eddy_lock_release(&held);
    eddy_condition_release(&condition);
    eddy_queue_fini(&queue);
}

TEST_ASYNC_REAL(in_a_child_forked_from_a_task_every_call_for_tasks_says_that_it_was_forked)
{
    eddy_try(hold_all());
    expect_all_refused();
    let_go_all();
    return eddy_sleep(0.001);
}

static void fork_in_callback(void *done)
{
    expect_all_refused();
    eddy_future_set_result(done, 0);
}

TEST_ASYNC_REAL(in_a_child_forked_from_a_callback_every_call_for_tasks_says_that_it_was_forked)
{
    eddy_future *done = eddy_create_future();

    eddy_try(hold_all());
    eddy_loop_call_soon(eddy_get_running_loop(), fork_in_callback, done);
    eddy_try(eddy_await(done));
    let_go_all();
    return 0;
}

static void sleep_in_callback(void *ret)
{
    *(int *)ret = eddy_sleep(0);
}

static eddy_async(calls_back, (int *, ret))
{
    eddy_loop_call_soon(eddy_get_running_loop(), sleep_in_callback, ret);
    return eddy_sleep(0.001);
}

static void run_a_loop(void *unused)
{
    int rc = 0;

    printf("%d ", eddy_run(calls_back(&rc)));
    printf("%d ", rc == EDDY_ENOTASK);
    printf("%d", eddy_sleep(0) == EDDY_EFORKED);
    fflush(stdout);
}

TEST_ASYNC_REAL(a_callback_of_the_childs_own_loop_is_no_task_and_after_it_the_child_is_where_it_was)
{
    char output[100];

    EXPECT_EQ(test_in_child(run_a_loop, NULL, output, sizeof output), 0);
    EXPECT_STR(output, "0 1 1");
    return eddy_sleep(0.001);
}

static int fork_in_coroutine(void *unused)
{
    fork_here(NULL);
    return 0;
}

TEST_REAL(when_the_run_of_its_parent_has_ended_a_child_is_no_task_like_any_program)
{
    int rc;

    forks_init();
    rc = test_run_real(eddy_coro(fork_in_coroutine, NULL));
    if (is_child() && eddy_sleep(0) != EDDY_ENOTASK)
        rc = 0;
    end_child(rc);
    EXPECT_EQ(rc, 0);
    expect_child_right();
}
