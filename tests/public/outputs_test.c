/*
 * Outputs that are not given: -EINVAL, raised, where a call has nothing to do without them; and
 * nothing at all where its comment says that they may be NULL.
 */
#include "harness/test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* The objects of the calls, all of them ready, so that only the output is missing. */
static struct {
    eddy_loop *loop;
    eddy_reader *reader[2];
    eddy_writer *writer[2];
    eddy_datagram_endpoint *endpoint;
    eddy_dir *dir;
    eddy_queue pointers, values;
    eddy_completions *completions;
    int sockets[2], pipe[2];
} on;

static int ignore(eddy_reader *reader, eddy_writer *writer, void *arg)
{
    (void)reader;
    (void)writer;
    (void)arg;
    return 0;
}

static int no_protocol(void *arg, const eddy_protocol **ret_protocol, void **ret_arg)
{
    static const eddy_protocol nothing;

    (void)arg;
    *ret_protocol = &nothing;
    *ret_arg = NULL;
    return 0;
}

static int job(void *arg)
{
    (void)arg;
    return 0;
}

#define CALL(name, expr)                                                                           \
    static int name(void)                                                                          \
    {                                                                                              \
        return (int)(expr);                                                                        \
    }

static eddy_reader *a_reader, *two_readers[2];
static eddy_writer *a_writer, *two_writers[2];
static eddy_carrier *a_carrier;
static void *a_pointer;
static size_t a_size;

CALL(connection_without_reader, eddy_open_connection("127.0.0.1", 1, NULL, &a_writer))
CALL(connection_without_writer, eddy_open_connection("127.0.0.1", 1, &a_reader, NULL))
CALL(connection_of_a_socket, eddy_open_connection(NULL, 0, NULL, NULL, .sock = on.sockets[0]))
CALL(unix_connection_without_reader, eddy_open_unix_connection("/none", 0, NULL, &a_writer))
CALL(unix_connection_without_writer, eddy_open_unix_connection("/none", 0, &a_reader, NULL))
CALL(server, eddy_start_server(ignore, NULL, "127.0.0.1", 0, NULL))
CALL(unix_server, eddy_start_unix_server(ignore, NULL, "@none", NULL))
CALL(protocol_server, eddy_loop_create_server(on.loop, no_protocol, NULL, "127.0.0.1", 0, NULL))
CALL(protocol_unix_server, eddy_loop_create_unix_server(on.loop, no_protocol, NULL, "@none", NULL))
CALL(endpoint, eddy_create_datagram_endpoint(NULL, .local_host = "127.0.0.1"))
CALL(program, eddy_create_subprocess_exec(eddy_argv("true"), NULL))
CALL(shell, eddy_create_subprocess_shell("true", NULL))
CALL(read_pipe, eddy_connect_read_pipe(on.pipe[0], 0, NULL))
CALL(write_pipe, eddy_connect_write_pipe(on.pipe[1], NULL))
CALL(stream_without_reader, eddy_stream_open(a_carrier, 0, NULL, &a_writer))
CALL(stream_without_writer, eddy_stream_open(a_carrier, 0, &a_reader, NULL))
CALL(pair_without_readers, eddy_memory_pair_open(0, NULL, two_writers))
CALL(pair_without_writers, eddy_memory_pair_open(0, two_readers, NULL))
CALL(reader, eddy_reader_new(0, NULL))
CALL(socket_carrier, eddy_socket_carrier_new(on.loop, on.sockets[0], NULL))
CALL(pipe_carrier, eddy_pipe_carrier_new(on.loop, on.pipe[0], -1, NULL))
CALL(memory_carriers_without_one, eddy_memory_carriers_new(on.loop, 0, NULL, &a_carrier))
CALL(memory_carriers_without_other, eddy_memory_carriers_new(on.loop, 0, &a_carrier, NULL))
CALL(read_bytes, eddy_reader_read(on.reader[0], NULL, 1))
CALL(read_exactly, eddy_reader_readexactly(on.reader[0], NULL, 1))
CALL(read_some, eddy_reader_read_some(on.reader[0], 1, NULL))
CALL(read_all, eddy_reader_read_all(on.reader[0], 1, NULL))
CALL(read_line, eddy_reader_readline(on.reader[0], NULL))
CALL(read_until, eddy_reader_readuntil(on.reader[0], "\n", 1, NULL))
CALL(read_until_any, eddy_reader_readuntil_any(on.reader[0], &(eddy_separator){"\n", 1}, 1, NULL))
CALL(stat_path, eddy_file_stat("/", NULL))
CALL(lstat_path, eddy_file_lstat("/", NULL))
CALL(stat_descriptor, eddy_file_fstat(on.pipe[0], NULL))
CALL(file_without_data, eddy_file_read_all("/dev/null", 1, NULL, &a_size))
CALL(file_without_size, eddy_file_read_all("/dev/null", 1, &a_pointer, NULL))
CALL(directory, eddy_dir_open("/", NULL))
CALL(directory_entry, eddy_dir_next(on.dir, NULL))
CALL(addresses, eddy_getaddrinfo("127.0.0.1", NULL, NULL, NULL))
CALL(local_address, eddy_datagram_endpoint_local_address(on.endpoint, NULL, NULL))
CALL(remote_address, eddy_datagram_endpoint_remote_address(on.endpoint, NULL, NULL))
CALL(tls_context, eddy_tls_context_new(EDDY_TLS_CLIENT, NULL))
CALL(next_completion, eddy_completions_anext(on.completions, NULL))
CALL(call_graph, eddy_capture_call_graph(NULL, NULL, NULL))
CALL(bytes, eddy_await_bytes(eddy_loop_run_in_executor(NULL, NULL, job, NULL), NULL))
CALL(item, (eddy_queue_get)(&on.pointers, NULL))
CALL(item_nowait, (eddy_queue_get_nowait)(&on.pointers, NULL))
CALL(value, eddy_queue_get_value(&on.values, NULL))
CALL(value_nowait, eddy_queue_get_value_nowait(&on.values, NULL))
CALL(signals, eddy_signals_open(NULL, SIGUSR1))

static const struct {
    const char *name;
    int (*call)(void);
} required[] = {
    {"eddy_open_connection, reader", connection_without_reader},
    {"eddy_open_connection, writer", connection_without_writer},
    {"eddy_open_connection of a socket", connection_of_a_socket},
    {"eddy_open_unix_connection, reader", unix_connection_without_reader},
    {"eddy_open_unix_connection, writer", unix_connection_without_writer},
    {"eddy_start_server", server},
    {"eddy_start_unix_server", unix_server},
    {"eddy_loop_create_server", protocol_server},
    {"eddy_loop_create_unix_server", protocol_unix_server},
    {"eddy_create_datagram_endpoint", endpoint},
    {"eddy_create_subprocess_exec", program},
    {"eddy_create_subprocess_shell", shell},
    {"eddy_connect_read_pipe", read_pipe},
    {"eddy_connect_write_pipe", write_pipe},
    {"eddy_stream_open, reader", stream_without_reader},
    {"eddy_stream_open, writer", stream_without_writer},
    {"eddy_memory_pair_open, readers", pair_without_readers},
    {"eddy_memory_pair_open, writers", pair_without_writers},
    {"eddy_reader_new", reader},
    {"eddy_socket_carrier_new", socket_carrier},
    {"eddy_pipe_carrier_new", pipe_carrier},
    {"eddy_memory_carriers_new, one", memory_carriers_without_one},
    {"eddy_memory_carriers_new, other", memory_carriers_without_other},
    {"eddy_reader_read", read_bytes},
    {"eddy_reader_readexactly", read_exactly},
    {"eddy_reader_read_some", read_some},
    {"eddy_reader_read_all", read_all},
    {"eddy_reader_readline", read_line},
    {"eddy_reader_readuntil", read_until},
    {"eddy_reader_readuntil_any", read_until_any},
    {"eddy_file_stat", stat_path},
    {"eddy_file_lstat", lstat_path},
    {"eddy_file_fstat", stat_descriptor},
    {"eddy_file_read_all, data", file_without_data},
    {"eddy_file_read_all, size", file_without_size},
    {"eddy_dir_open", directory},
    {"eddy_dir_next", directory_entry},
    {"eddy_getaddrinfo", addresses},
    {"eddy_datagram_endpoint_local_address", local_address},
    {"eddy_datagram_endpoint_remote_address", remote_address},
    {"eddy_tls_context_new", tls_context},
    {"eddy_completions_anext", next_completion},
    {"eddy_capture_call_graph", call_graph},
    {"eddy_await_bytes", bytes},
    {"eddy_queue_get", item},
    {"eddy_queue_get_nowait", item_nowait},
    {"eddy_queue_get_value", value},
    {"eddy_queue_get_value_nowait", value_nowait},
    {"eddy_signals_open", signals},
};

static int open_all(void)
{
    int value = 7;

    on.loop = eddy_get_running_loop();
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, on.sockets) == 0);
    REQUIRE(pipe2(on.pipe, O_CLOEXEC) == 0);
    eddy_queue_init(&on.pointers, 0);
    eddy_queue_init_values(&on.values, 0, sizeof value);
    eddy_try(eddy_queue_put_nowait(&on.pointers, "item"));
    eddy_try(eddy_queue_put_value_nowait(&on.values, &value));
    eddy_try(eddy_memory_pair_open(0, on.reader, on.writer));
    eddy_try(eddy_writer_write(on.writer[1], "line\n", 5));
    eddy_try(
        eddy_create_datagram_endpoint(&on.endpoint, .remote_host = "127.0.0.1", .remote_port = 9));
    eddy_try(eddy_dir_open("/", &on.dir));
    on.completions = eddy_as_completed(EDDY_LIST(eddy_sleep_coro(0, 0, NULL)), EDDY_FOREVER);
    return on.completions ? 0 : -ENOMEM;
}

static void close_all(void)
{
    eddy_future *last;

    if (on.completions)
        (void)eddy_completions_anext(on.completions, &last);
    eddy_completions_free(on.completions);
    if (on.dir)
        eddy_dir_close(on.dir);
    eddy_datagram_endpoint_close(on.endpoint);
    for (int i = 0; i < 2; i++) {
        eddy_writer_free(on.writer[i]);
        close(on.sockets[i]);
        close(on.pipe[i]);
    }
    eddy_queue_fini(&on.pointers);
    eddy_queue_fini(&on.values);
}

TEST_ASYNC_REAL(an_output_that_is_required_and_not_given_is_refused_with_a_message)
{
    const char *line;

    eddy_try(open_all());
    for (size_t i = 0; i < sizeof required / sizeof *required; i++) {
        int rc = required[i].call();

        if (rc == -EOPNOTSUPP && strstr(required[i].name, "_tls_"))
            continue; /* built without TLS */
        if (rc != -EINVAL || !eddy_error() || !*eddy_exception_message(eddy_error()))
            EXPECT_STR(required[i].name, "refused with -EINVAL and a message");
    }
    EXPECT_EQ(eddy_reader_readline(on.reader[0], &line), 5); /* nothing was taken */
    EXPECT_EQ(eddy_queue_qsize(&on.pointers), 1u);
    EXPECT_EQ(eddy_queue_qsize(&on.values), 1u);
    close_all();
    return 0;
}

eddy_gen(numbers)
{
    eddy_try(eddy_yield("one", NULL));
    return 0;
}

eddy_async_gen(more_numbers)
{
    eddy_try(eddy_yield("one", NULL));
    return 0;
}

static eddy_async(fails)
{
    return eddy_raise(-EIO, "as it should");
}

TEST_ASYNC_REAL(an_output_that_may_be_null_is_left_out, .ordered = true)
{
    eddy_generator *g = numbers();
    eddy_async_generator *ag = more_numbers();
    eddy_task *t = eddy_create_task(fails());
    eddy_contextvar var = EDDY_CONTEXTVAR("var", NULL);

    eddy_try(open_all());
    EXPECT_EQ(eddy_next(g, NULL), 1);
    eddy_generator_free(g);
    EXPECT_EQ(eddy_anext(ag, NULL), 1);
    eddy_async_generator_free(ag);
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT_EQ(eddy_task_exception(t, NULL), 0);
    EXPECT_EQ(eddy_await_value(t, NULL), -EIO);
    EXPECT_EQ(eddy_all_tasks(NULL, NULL, 0), eddy_all_tasks(NULL, NULL, 100));
    EXPECT_EQ(eddy_reader_partial(on.reader[0], NULL), 0u);
    EXPECT_EQ(eddy_reader_readexactly(on.reader[0], &(char[9]){0}, 0), 0);
    EXPECT_EQ(eddy_contextvar_set(&var, "x", NULL), 0);
    EXPECT(eddy_contextvar_lookup(&var, NULL));
    (void)eddy_loop_get_exception_handler(on.loop, NULL);
    (void)eddy_loop_get_task_factory(on.loop, NULL);
    close_all();
    return 0;
}

TEST_ASYNC_REAL(what_is_known_of_an_object_may_be_left_out)
{
    eddy_reader *of_socket;
    eddy_writer *to_socket;
    eddy_server *s;
    eddy_process *p;
    int rc;

    eddy_try(open_all());
    rc = eddy_open_connection(NULL, 0, &of_socket, &to_socket, .sock = on.sockets[0]);
    if (rc == 0) {
        on.sockets[0] = dup(0); /* close_all() closes that one instead */
        EXPECT_EQ(eddy_writer_get_extra_info(to_socket, "socket", NULL, 4), sizeof(int));
        EXPECT_EQ(eddy_writer_get_extra_info(to_socket, "none", NULL, 4), -ENOENT);
        eddy_writer_free(to_socket);
    }
    if (eddy_start_server(ignore, NULL, "127.0.0.1", 0, &s) == 0) {
        EXPECT(eddy_server_sockets(s, NULL) != NULL);
        eddy_server_free(s);
    }
    if (eddy_create_subprocess_exec(eddy_argv("true"), &p) == 0) {
        EXPECT_EQ(eddy_process_wait(p, NULL), 0);
        eddy_process_free(p);
    }
    EXPECT_EQ(eddy_file_write_fully(on.pipe[1], "x", 1, -1, NULL), 0);
    close_all();
    return 0;
}
