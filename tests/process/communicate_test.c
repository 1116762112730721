/*
 * Talking with subprocesses through pipes.
 */
#include "process/programs.h"

/* Communicates; an injected error must not have it wait for ever. */
static int talk(eddy_process *p, const eddy_communicate_options *options)
{
    eddy_timeout tm;

    eddy_timeout_enter(&tm, test_tortured() ? 0.5 : EDDY_FOREVER);
    return eddy_timeout_exit(&tm, eddy_process_communicate_with(p, options));
}
#define TALK(p, ...) talk((p), &(eddy_communicate_options){.input = __VA_ARGS__})

TEST_ASYNC_REAL(communicate_sends_the_input_and_gives_both_outputs)
{
    const char *out = NULL, *err = NULL;
    size_t n_out = 0, n_err = 0;
    eddy_process *p;

    eddy_try(eddy_create_subprocess_shell("tr a-z A-Z; echo fine >&2; exit 4", &p,
                                          .std_in = EDDY_PIPE, .std_out = EDDY_PIPE,
                                          .std_err = EDDY_PIPE));
    eddy_process_free_at_end(p);
    eddy_try(TALK(p, "hello", 5, &out, &n_out, &err, &n_err));
    EXPECT_EQ(n_out, 5);
    EXPECT_STR(out, "HELLO");
    EXPECT_EQ(n_err, 5);
    EXPECT_STR(err, "fine\n");
    EXPECT_EQ(eddy_process_returncode(p), 4);
    return 0;
}

TEST_ASYNC_REAL(what_is_no_pipe_gives_nothing)
{
    const char *out = "", *err = "";
    size_t n_out = 1, n_err = 1;
    eddy_process *p;

    eddy_try(eddy_create_subprocess_exec(eddy_argv("true"), &p, .std_err = EDDY_PIPE));
    eddy_process_free_at_end(p);
    EXPECT_EQ(eddy_process_communicate(p, "x", 1), -EINVAL);
    eddy_try(TALK(p, NULL, 0, &out, &n_out, &err, &n_err));
    EXPECT(out == NULL);
    EXPECT_EQ(n_out, 0);
    EXPECT_STR(err, "");
    EXPECT_EQ(n_err, 0);
    return 0;
}

TEST_ASYNC_REAL(communicate_without_pipes_waits)
{
    eddy_process *p;

    eddy_try(eddy_create_subprocess_shell("exit 5", &p));
    eddy_process_free_at_end(p);
    eddy_try(TALK(p, NULL));
    EXPECT_EQ(eddy_process_returncode(p), 5);
    return 0;
}

/* So much that every pipe is full several times. */
enum { MUCH = 4 << 20 };

TEST_ASYNC_REAL(megabytes_go_both_ways)
{
    const size_t n = test_tortured() ? 200000 : MUCH;
    char *input = malloc(n);
    const char *out = NULL, *err = NULL;
    size_t n_out = 0, n_err = 0;
    eddy_process *p;
    int rc;

    REQUIRE(input != NULL);
    for (size_t i = 0; i < n; i++)
        input[i] = (char)(i % 251);
    rc = eddy_create_subprocess_shell("tee /dev/stderr", &p, .std_in = EDDY_PIPE,
                                      .std_out = EDDY_PIPE, .std_err = EDDY_PIPE);
    if (rc == 0) {
        rc = TALK(p, input, n, &out, &n_out, &err, &n_err);
        EXPECT_EQ(n_out, n);
        EXPECT_EQ(n_err, n);
        EXPECT(n_out != n || memcmp(out, input, n) == 0);
        EXPECT(n_err != n || memcmp(err, input, n) == 0);
        eddy_process_free(p);
    }
    free(input);
    return rc;
}

TEST_ASYNC_REAL(a_child_that_does_not_want_its_input_is_no_error)
{
    char *input = calloc(1, MUCH);
    const char *out = NULL;
    size_t n_out = 0;
    eddy_process *p;
    int rc;

    REQUIRE(input != NULL);
    rc = eddy_create_subprocess_shell("exec <&-; echo done", &p, .std_in = EDDY_PIPE,
                                      .std_out = EDDY_PIPE);
    if (rc == 0) {
        rc = TALK(p, input, MUCH, &out, &n_out);
        EXPECT_EQ(n_out, 5);
        EXPECT_EQ(eddy_process_returncode(p), 0);
        eddy_process_free(p);
    }
    free(input);
    return rc;
}

TEST_ASYNC_REAL(input_that_was_closed_before_is_no_error)
{
    eddy_process *p;

    eddy_try(eddy_create_subprocess_exec(eddy_argv("cat"), &p, .std_in = EDDY_PIPE));
    eddy_process_free_at_end(p);
    eddy_writer_close(eddy_process_stdin(p));
    eddy_try(TALK(p, "ignored", 7));
    EXPECT_EQ(eddy_process_returncode(p), 0);
    return 0;
}

TEST_ASYNC_REAL(output_beyond_the_limit_is_an_error_and_the_child_runs_on)
{
    const char *out = NULL;
    size_t n_out = 0;
    eddy_process *p;

    eddy_try(eddy_create_subprocess_shell("echo 123456; read line", &p, .std_in = EDDY_PIPE,
                                          .std_out = EDDY_PIPE));
    eddy_process_free_at_end(p);
    EXPECT_EQ(TALK(p, NULL, 0, &out, &n_out, .limit = 6), EDDY_ELIMIT);
    EXPECT(out == NULL);
    eddy_try(TALK(p, NULL, 0, &out, &n_out, .limit = 7));
    EXPECT_EQ(n_out, 7);
    EXPECT_STR(out, "123456\n");
    return 0;
}

/* With a child that has much input left to read when the time is up. */
TEST_ASYNC_REAL(after_a_timeout_it_goes_on_where_it_was)
{
    const size_t n = 300000;
    int tries_left = test_tortured() ? 20 : INT_MAX;
    char *input = malloc(n);
    const char *out = NULL, *err = NULL;
    size_t n_out = 0, n_err = 0;
    eddy_process *p;
    eddy_timeout tm;
    int rc;

    REQUIRE(input != NULL);
    memset(input, 'x', n);
    rc = eddy_create_subprocess_shell("echo begin; exec >&-; kill -STOP $$; wc -c >&2", &p,
                                      .std_in = EDDY_PIPE, .std_out = EDDY_PIPE,
                                      .std_err = EDDY_PIPE);
    if (rc == 0) {
        eddy_timeout_enter(&tm, 0.05);
        rc = eddy_process_communicate(p, input, n, &out, &n_out, &err, &n_err);
        EXPECT_EQ(eddy_timeout_exit(&tm, rc), -ETIMEDOUT);
        EXPECT(out == NULL);
        EXPECT_EQ(eddy_process_returncode(p), EDDY_RUNNING);
        /* It may not have stopped yet. */
        do {
            eddy_process_send_signal(p, SIGCONT);
            eddy_timeout_enter(&tm, 0.05);
            rc = eddy_process_communicate(p, input, n, &out, &n_out, &err, &n_err);
            rc = eddy_timeout_exit(&tm, rc);
        } while (rc == -ETIMEDOUT && --tries_left > 0);
        EXPECT_STR(out ? out : "", "begin\n");
        EXPECT_STR(err ? err : "", "300000\n");
        eddy_process_free(p);
    }
    free(input);
    return rc;
}

TEST_ASYNC_REAL(a_grandchild_that_holds_the_pipe_keeps_communicate_waiting)
{
    const char *out = NULL;
    size_t n_out = 0;
    eddy_process *p;
    eddy_timeout tm;
    int rc;

    eddy_try(eddy_create_subprocess_shell("sleep 1000 & echo here", &p, .std_out = EDDY_PIPE,
                                          .process_group = EDDY_NEW_GROUP));
    EXPECT_EQ(code_of(p), 0);
    eddy_timeout_enter(&tm, 0.05);
    rc = eddy_process_communicate(p, NULL, 0, &out, &n_out);
    EXPECT_EQ(eddy_timeout_exit(&tm, rc), -ETIMEDOUT);
    kill(-eddy_process_pid(p), SIGKILL);
    EXPECT_EQ(TALK(p, NULL, 0, &out, &n_out), 0);
    EXPECT_STR(out ? out : "", "here\n");
    eddy_process_free(p);
    return 0;
}

TEST_ASYNC_REAL(lines_can_be_exchanged_with_a_child)
{
    eddy_process *p;
    const char *line = NULL;

    eddy_try(eddy_create_subprocess_shell("while read line; do echo \"<$line>\"; done", &p,
                                          .std_in = EDDY_PIPE, .std_out = EDDY_PIPE));
    eddy_process_free_at_end(p);
    for (int i = 0; i < 3; i++) {
        char expected[20];
        ssize_t n;

        eddy_try(eddy_writer_printf(eddy_process_stdin(p), "%d\n", i));
        n = eddy_reader_readline(eddy_process_stdout(p), &line);
        snprintf(expected, sizeof expected, "<%d>\n", i);
        EXPECT_EQ(n, 4);
        EXPECT(n == 4 && memcmp(line, expected, 4) == 0);
    }
    eddy_writer_close(eddy_process_stdin(p));
    EXPECT_EQ(eddy_reader_readline(eddy_process_stdout(p), &line), 0);
    EXPECT_EQ(code_of(p), 0);
    return 0;
}

TEST_ASYNC_REAL(the_limit_is_that_of_the_readers)
{
    eddy_process *p;
    const char *line;

    eddy_try(eddy_create_subprocess_shell("echo 0123456789", &p, .std_out = EDDY_PIPE, .limit = 4));
    eddy_process_free_at_end(p);
    EXPECT_EQ(eddy_reader_readline(eddy_process_stdout(p), &line), EDDY_ELIMIT);
    return 0;
}
