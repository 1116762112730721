/*
 * The form that each macro of C has in C++: all of them compile, in C++17, and those that need no
 * network or other program run. Prints a line for each promise.
 */
#include <eddy.h>

#include <csignal>
#include <cstdio>
#include <unistd.h>

static int failures;

static void expect(bool met, const char *promise)
{
    std::printf("%s %s\n", met ? "ok" : "not ok", promise);
    failures += !met;
}

eddy_async(gives, (int, status))
{
    eddy_try(eddy_sleep(0));
    return status;
}

static void lists()
{
    eddy_future *all = eddy_gather(gives(1), eddy_create_task(gives(2)));
    eddy_task *tasks[] = {eddy_create_task(gives(3)), eddy_create_task(gives(4))};
    eddy_completions *it = eddy_as_completed(EDDY_LIST(gives(5), gives(6)), EDDY_FOREVER);
    int sum = 0;

    expect(eddy_await(eddy_ref(all)) == 0 && eddy_gather_outcomes(all)[1].status == 2,
           "eddy_gather() takes awaitables of any kind");
    eddy_unref(all);
    expect(eddy_wait(tasks, 2, 10, EDDY_ALL_COMPLETED) == 2, "eddy_wait() takes tasks");
    expect(eddy_await(tasks[0]) + eddy_await(tasks[1]) == 7, "and borrows them");
    while (eddy_coroutine *next = eddy_completions_next(it))
        sum += eddy_await(next);
    eddy_completions_free(it);
    expect(sum == 11, "EDDY_LIST() is a list");
    expect(eddy_await(eddy_gather_list(EDDY_LIST(gives(1), gives(1)), false)) == 0,
           "EDDY_LIST() is two arguments");
}

static void synchronization()
{
    eddy_lock lock = {};
    eddy_condition condition = EDDY_CONDITION_INIT(&lock);
    eddy_semaphore two = EDDY_SEMAPHORE_INIT(2), bounded = EDDY_BOUNDED_SEMAPHORE_INIT(1);
    eddy_barrier alone = EDDY_BARRIER_INIT(1);

    expect(eddy_condition_lock(&condition) == &lock, "EDDY_CONDITION_INIT()");
    expect(eddy_semaphore_acquire(&two) == 0 && eddy_semaphore_acquire(&two) == 0 &&
               eddy_semaphore_locked(&two),
           "EDDY_SEMAPHORE_INIT()");
    expect(eddy_semaphore_release(&bounded) == EDDY_EMISUSE, "EDDY_BOUNDED_SEMAPHORE_INIT()");
    expect(eddy_barrier_wait(&alone) == 0, "EDDY_BARRIER_INIT()");
}

struct message {
    int n;
};

static void queues()
{
    eddy_queue q;
    message one = {1}, two = {2}, *got = nullptr;
    void *any = nullptr;

    eddy_queue_init(&q, 0);
    expect(eddy_queue_put_nowait(&q, &one) == 0 && eddy_queue_put_nowait(&q, &two) == 0 &&
               eddy_queue_get(&q, &got) == 0 && got == &one &&
               eddy_queue_get_nowait(&q, &any) == 0 && any == &two,
           "eddy_queue_get() takes the address of a pointer of any type");
    eddy_queue_fini(&q);
}

static ssize_t length(ssize_t n)
{
    return n;
}

static ssize_t tries(ssize_t n)
{
    auto kept = eddy_try(length(n));

    static_assert(sizeof kept == sizeof(ssize_t), "eddy_try() keeps the type");
    return kept;
}

/* Two scopes in one line, as in a macro. */
#define WITHIN(tg, tm, delay)                                                                      \
    eddy_group_enter(tg);                                                                          \
    eddy_timeout_enter(tm, delay)

static void scopes()
{
    eddy_group tg;
    eddy_timeout tm;
    eddy_task *child = nullptr;
    eddy_task_options options = eddy_task_options();
    int rc;

    expect(tries(SSIZE_MAX) == SSIZE_MAX && tries(-5) == -5, "eddy_try() keeps the value");
    WITHIN(&tg, &tm, 10);
    options.ret_task = &child;
    rc = eddy_group_create_task(&tg, gives(9), options);
    rc = eddy_timeout_exit(&tm, rc < 0 ? rc : eddy_sleep(0));
    rc = eddy_group_exit(&tg, rc);
    expect(rc == 0 && child && eddy_await(child) == 9, "scopes, and .ret_task");
}

static int handle(eddy_reader *reader, eddy_writer *writer, void *)
{
    const char *line;
    ssize_t n = eddy_reader_readline(reader, &line);

    return n < 0 ? (int)n : eddy_writer_write(writer, line, (size_t)n);
}

static int echo(eddy_server *server)
{
    eddy_connection_options options = eddy_connection_options();
    eddy_reader *reader;
    eddy_writer *writer;
    const char *line;
    ssize_t n;

    options.read_timeout = 10;
    eddy_try(
        eddy_open_connection("127.0.0.1", eddy_server_port(server), &reader, &writer, options));
    eddy_writer_free_at_end(writer);
    eddy_try(eddy_writer_write(writer, "hello\n", 6));
    n = eddy_reader_readline(reader, &line);
    return (int)n;
}

static int serve()
{
    eddy_server_options options = eddy_server_options();
    eddy_server *server;

    options.backlog = 5;
    options.read_timeout = 10;
    eddy_try(eddy_start_server(handle, nullptr, "127.0.0.1", 0, &server, options));
    eddy_server_free_at_end(server);
    return echo(server);
}

static int run_program()
{
    eddy_subprocess_options options = eddy_subprocess_options();
    eddy_process *process;
    const char *out;
    size_t n = 0;

    options.std_out = EDDY_PIPE;
    eddy_try(eddy_create_subprocess_exec(eddy_argv("echo", "one", "two"), &process, options));
    eddy_process_free_at_end(process);
    eddy_try(eddy_process_communicate(process, nullptr, 0, &out, &n));
    return (int)n;
}

static int receive_signal()
{
    eddy_signals signals;
    int rc;

    eddy_try(eddy_signals_open(&signals, SIGUSR1, SIGUSR2));
    raise(SIGUSR2);
    rc = eddy_signals_next(&signals);
    eddy_signals_close(&signals);
    return rc;
}

/* Forms that would need more than this program has; that they compile is the promise. */
int compile_only(eddy_loop *loop, eddy_protocol_factory *make,
                 eddy_datagram_protocol_factory *make_datagrams,
                 eddy_subprocess_protocol_factory *make_subprocess, eddy_tls_context *tls,
                 eddy_writer *writer, eddy_future **futures)
{
    eddy_transport *t;
    eddy_datagram_transport *d;
    eddy_subprocess_transport *p;
    eddy_datagram_endpoint *ep;
    eddy_server *s;
    eddy_datagram_endpoint_options local = eddy_datagram_endpoint_options();

    local.local_host = "127.0.0.1";
    eddy_try(eddy_create_datagram_endpoint(&ep, local));
    eddy_try(eddy_loop_create_datagram_endpoint(loop, make_datagrams, nullptr, &d, local));
    eddy_try(eddy_loop_create_connection(loop, make, nullptr, "localhost", 1, &t));
    eddy_try(eddy_loop_create_unix_connection(loop, make, nullptr, "@none", &t));
    eddy_try(eddy_loop_connect_accepted_socket(loop, make, nullptr, 0, &t));
    eddy_try(eddy_loop_create_server(loop, make, nullptr, "localhost", 1, &s));
    eddy_try(eddy_loop_create_unix_server(loop, make, nullptr, "@none", &s));
    eddy_try(eddy_start_unix_server(handle, nullptr, "@none", &s));
    eddy_try(eddy_loop_start_tls(loop, t, tls));
    eddy_try(eddy_writer_start_tls(writer, tls));
    eddy_try(eddy_loop_subprocess_exec(loop, make_subprocess, nullptr, &p, eddy_argv("true")));
    eddy_try(eddy_loop_subprocess_shell(loop, make_subprocess, nullptr, &p, "true"));
    eddy_try(eddy_wait(futures, 1, 1, EDDY_FIRST_COMPLETED));
    return eddy_signal_wait(SIGINT, SIGTERM);
}

eddy_async(amain)
{
    lists();
    synchronization();
    queues();
    scopes();
    expect(serve() == 6, "a server and a connection");
    expect(run_program() == 8, "a program with arguments");
    expect(receive_signal() == SIGUSR2, "signals");
    return 0;
}

static int work(unsigned index, void *)
{
    return index < 2 ? 0 : -EINVAL;
}

int main()
{
    expect(eddy_run(amain()) == 0, "eddy_run()");
    expect(eddy_run_workers(2, work) == 0, "eddy_run_workers()");
    return failures > 0;
}
