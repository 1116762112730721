/*
 * The failure on its way out: what a function cleans up with, by hand or by a guard, leaves
 * eddy_error() as it is, also where the clean-up meets failures of its own.
 */
#include "harness/test.h"

#include <sys/socket.h>
#include <unistd.h>

#define REASON "the failure on its way out"

/* Fails, as what comes before a clean-up does. */
static int failed(void)
{
    return eddy_raise(-EXDEV, REASON);
}

/* Returns the message of that failure, or what stands in its place. */
static const char *kept(void)
{
    return eddy_exception_code(eddy_error()) == -EXDEV
               ? eddy_exception_message(eddy_error())
               : eddy_strerror(eddy_exception_code(eddy_error()));
}

static eddy_async(fails_when_cancelled)
{
    (void)eddy_sleep(EDDY_FOREVER);
    return eddy_raise(-EIO, "a child's failure");
}

static eddy_async(takes_a_while)
{
    return eddy_sleep(EDDY_FOREVER);
}

/* Its clean-up awaits, and fails. */
static eddy_async_gen(fragile)
{
    (void)eddy_yield(NULL, NULL);
    (void)eddy_sleep(0);
    return eddy_raise(-EIO, "the generator's failure");
}

static eddy_gen(brittle)
{
    (void)eddy_yield(NULL, NULL);
    return eddy_raise(-EIO, "the generator's failure");
}

static int leave_groups(void)
{
    eddy_group outer, inner;

    eddy_group_enter(&outer);
    eddy_group_enter(&inner);
    REQUIRE(eddy_group_create_task(&outer, fails_when_cancelled()) == 0);
    REQUIRE(eddy_group_create_task(&inner, fails_when_cancelled()) == 0);
    EXPECT_EQ(eddy_sleep(0), 0);
    return failed();
}

static int leave_timeouts(void)
{
    eddy_timeout soon, later;

    eddy_timeout_enter(&later, 1000);
    eddy_timeout_enter(&soon, 0.001);
    EXPECT_EQ(eddy_sleep(1), -ECANCELED);
    return failed();
}

/* The guards find released what they are to release. */
static int leave_locks(void)
{
    eddy_lock lock = {0};
    eddy_semaphore semaphore = EDDY_BOUNDED_SEMAPHORE_INIT(1);

    REQUIRE(eddy_lock_acquire(&lock) == 0);
    REQUIRE(eddy_semaphore_acquire(&semaphore) == 0);
    eddy_lock_release_at_end(&lock);
    eddy_semaphore_release_at_end(&semaphore);
    EXPECT_EQ(eddy_lock_release(&lock), 0);
    EXPECT_EQ(eddy_semaphore_release(&semaphore), 0);
    return failed();
}

static int leave_generators(void)
{
    eddy_generator *plain = brittle();
    eddy_async_generator *async = fragile();

    REQUIRE(eddy_next(plain, NULL) == 1 && eddy_anext(async, NULL) == 1);
    (void)failed();
    eddy_generator_free(plain);
    eddy_async_generator_free(async);
    return -EXDEV;
}

static int leave_tasks(void)
{
    eddy_task *t = eddy_create_task(fails_when_cancelled()), *done;
    eddy_coroutine *never = takes_a_while();

    done = eddy_create_task(fails_when_cancelled());
    REQUIRE(t != NULL && done != NULL && never != NULL);
    EXPECT_EQ(eddy_sleep(0), 0);
    eddy_task_cancel(done, NULL);
    EXPECT_EQ(eddy_await(eddy_ref(done)), -EIO);
    (void)failed();
    eddy_coroutine_close(never);
    eddy_coroutine_close(takes_a_while());
    eddy_task_cancel(t, NULL);
    eddy_unref(t);
    eddy_unref(done);
    return -EXDEV;
}

TEST_ASYNC(leaving_a_scope_keeps_the_failure)
{
    static int (*const ways[])(void) = {leave_groups, leave_timeouts, leave_locks, leave_generators,
                                        leave_tasks};
    size_t i;

    for (i = 0; i < sizeof ways / sizeof *ways; i++) {
        EXPECT_EQ(ways[i](), -EXDEV);
        EXPECT_STR(kept(), REASON);
    }
    return 0;
}

static int wait_for_the_end(eddy_reader *reader, eddy_writer *writer, void *arg)
{
    char byte;

    (void)writer;
    (void)arg;
    return eddy_reader_read(reader, &byte, 1) < 0 ? -EIO : 0;
}

/* A stream with much to send, whose peer is gone. */
static int leave_stream(void)
{
    static const char much[100000];
    eddy_reader *reader;
    eddy_writer *writer;
    int pair[2];

    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
    REQUIRE(eddy_open_connection(NULL, 0, &reader, &writer, .sock = pair[0]) == 0);
    eddy_writer_free_at_end(writer);
    REQUIRE(eddy_writer_write_nowait(writer, much, sizeof much) == 0);
    close(pair[1]);
    return failed();
}

static int leave_server(void)
{
    eddy_server *server;
    eddy_reader *reader;
    eddy_writer *writer;

    REQUIRE(eddy_start_server(wait_for_the_end, NULL, "127.0.0.1", 0, &server) == 0);
    eddy_server_free_at_end(server);
    REQUIRE(eddy_open_connection("127.0.0.1", eddy_server_port(server), &reader, &writer) == 0);
    eddy_writer_free_at_end(writer);
    EXPECT_EQ(eddy_sleep(0), 0);
    return failed();
}

static int leave_process(void)
{
    eddy_process *p;

    REQUIRE(eddy_create_subprocess_exec(eddy_argv("sleep", "1000"), &p, .std_in = EDDY_PIPE,
                                        .std_out = EDDY_PIPE) == 0);
    eddy_process_free_at_end(p);
    return failed();
}

static int fails(void *arg)
{
    (void)arg;
    return eddy_raise(-EIO, "the job's failure");
}

static int leave_executor(void)
{
    eddy_executor *e = eddy_thread_pool_new(1);
    eddy_future *f;

    REQUIRE(e != NULL);
    f = eddy_loop_run_in_executor(eddy_get_running_loop(), e, fails, NULL);
    (void)failed();
    eddy_executor_free(e);
    eddy_unref(f);
    return -EXDEV;
}

static int leave_dir(void)
{
    eddy_dir *dir;

    REQUIRE(eddy_dir_open("/", &dir) == 0);
    (void)failed();
    eddy_dir_close(dir);
    return -EXDEV;
}

TEST_ASYNC_REAL(giving_back_what_was_opened_keeps_the_failure)
{
    static int (*const ways[])(void) = {leave_stream, leave_server, leave_process, leave_executor,
                                        leave_dir};
    size_t i;

    for (i = 0; i < sizeof ways / sizeof *ways; i++) {
        EXPECT_EQ(ways[i](), -EXDEV);
        EXPECT_STR(kept(), REASON);
    }
    return 0;
}
