/*
 * Starting programs: which, with what, and why not.
 */
#include "process/programs.h"

#include <sys/mman.h>
#include <sys/stat.h>

/* Programs that can be executed. */

TEST_ASYNC_REAL(a_program_is_found_in_the_path)
{
    eddy_process *p;

    eddy_try(eddy_create_subprocess_exec(eddy_argv("true"), &p));
    EXPECT(eddy_process_pid(p) > 0);
    EXPECT_EQ(code_of(p), 0);
    EXPECT_EQ(eddy_process_returncode(p), 0);
    eddy_process_free(p);
    return 0;
}

TEST_ASYNC_REAL(it_gets_its_arguments_as_they_are)
{
    eddy_process *p;
    const char *line = "";
    ssize_t n;

    eddy_try(eddy_create_subprocess_exec(eddy_argv("printf", "<%s>", "two  words", "", "*"), &p,
                                         .std_out = EDDY_PIPE));
    eddy_process_free_at_end(p);
    n = eddy_reader_readline(eddy_process_stdout(p), &line);
    EXPECT_EQ(n, 17);
    EXPECT(n == 17 && memcmp(line, "<two  words><><*>", 17) == 0);
    return 0;
}

static int fails_with(int error, const char *message, const eddy_subprocess_options *options)
{
    eddy_subprocess_options o = *options;
    eddy_process *p = NULL;

    o.ret_process = &p;
    EXPECT_EQ(eddy_create_subprocess_exec_with(&o), error);
    EXPECT(p == NULL);
    EXPECT_IN(message, eddy_exception_message(eddy_error()));
    return 0;
}
#define FAILS_WITH(error, message, ...)                                                            \
    fails_with((error), (message), &(eddy_subprocess_options){__VA_ARGS__})

TEST_ASYNC_REAL(what_cannot_be_executed_is_an_error_of_the_call_that_names_it)
{
    FAILS_WITH(-ENOENT, "'/nowhere/at-all'", .argv = eddy_argv("/nowhere/at-all"));
    FAILS_WITH(-ENOENT, "'no-such-program'", .argv = eddy_argv("no-such-program", "argument"));
    FAILS_WITH(-EACCES, "'/etc/passwd'", .argv = eddy_argv("/etc/passwd"));
    FAILS_WITH(-EACCES, "'/'", .argv = eddy_argv("/"));
    FAILS_WITH(-ENOTDIR, "'/etc/passwd/x'", .argv = eddy_argv("/etc/passwd/x"));
    FAILS_WITH(-ENOENT, "''", .argv = eddy_argv(""));
    FAILS_WITH(-ENOENT, "'/nowhere'", .argv = eddy_argv("true"), .executable = "/nowhere");
    return 0;
}

TEST_ASYNC_REAL(arguments_that_are_too_long_are_an_error)
{
    const size_t n = 1 << 20;
    char *argument = malloc(n);

    REQUIRE(argument != NULL);
    memset(argument, 'x', n - 1);
    argument[n - 1] = '\0';
    FAILS_WITH(-E2BIG, "'true'", .argv = eddy_argv("true", argument));
    free(argument);
    return 0;
}

TEST_ASYNC_REAL(a_file_that_is_no_program_is_an_error)
{
    char path[] = "/tmp/eddy-test-XXXXXX";
    int fd = mkstemp(path);

    REQUIRE(fd >= 0 && write(fd, "nonsense", 8) == 8 && fchmod(fd, 0700) == 0);
    close(fd);
    FAILS_WITH(-ENOEXEC, path, .argv = eddy_argv(path));
    unlink(path);
    return 0;
}

TEST_ASYNC_REAL(a_bad_directory_is_an_error_that_names_both)
{
    FAILS_WITH(-ENOENT, "'true' cannot be run in directory '/nowhere'", .argv = eddy_argv("true"),
               .cwd = "/nowhere");
    FAILS_WITH(-ENOTDIR, "'/etc/passwd'", .argv = eddy_argv("true"), .cwd = "/etc/passwd");
    return 0;
}

TEST_ASYNC_REAL(senseless_options_are_refused)
{
    FAILS_WITH(-EINVAL, "without a name", .argv = NULL);
    FAILS_WITH(-EINVAL, "without a name", .argv = (const char *const[]){NULL});
    FAILS_WITH(-EINVAL, "'NAME'", .argv = eddy_argv("true"),
               .env = (const char *const[]){"NAME", NULL});
    FAILS_WITH(-EINVAL, "'=x'", .argv = eddy_argv("true"),
               .env = (const char *const[]){"=x", NULL});
    FAILS_WITH(-EINVAL, "STDOUT", .argv = eddy_argv("true"), .std_out = EDDY_STDOUT);
    FAILS_WITH(-EBADF, "-9", .argv = eddy_argv("true"), .std_in = -9);
    FAILS_WITH(-EBADF, "descriptors", .argv = eddy_argv("true"), .std_out = 900);
    FAILS_WITH(-EBADF, "descriptors", .argv = eddy_argv("true"), .pass_fds = (const int[]){900},
               .n_pass_fds = 1);
    FAILS_WITH(-EPERM, "group 1", .argv = eddy_argv("true"), .process_group = 1);
    return 0;
}

TEST_ASYNC(a_loop_with_the_virtual_clock_starts_none)
{
    FAILS_WITH(-EOPNOTSUPP, "virtual clock", .argv = eddy_argv("true"));
    return 0;
}

TEST(outside_of_a_task_there_is_none)
{
    eddy_process *p;

    EXPECT_EQ(eddy_create_subprocess_shell("true", &p), EDDY_ENOTASK);
}

/* The path. */

/* A directory with programs that print where they are. */
static void make_program(char *dir, const char *name, int mode)
{
    char path[80];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "w");
    REQUIRE(f != NULL);
    fprintf(f, "#!/bin/sh\nprintf '%%s' \"$0\"\n");
    fclose(f);
    REQUIRE(chmod(path, (mode_t)mode) == 0);
}

static void remove_program(const char *dir, const char *name)
{
    char path[80];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    unlink(path);
    rmdir(dir);
}

static ssize_t output_with_path(const char *path, const char *cwd, char *buf, size_t size)
{
    const char *const env[] = {path, NULL};
    const char *data;
    eddy_process *p;
    ssize_t n;

    eddy_try(eddy_create_subprocess_exec(eddy_argv("thing"), &p, .std_out = EDDY_PIPE,
                                         .env = path ? env : env + 1, .cwd = cwd));
    eddy_process_free_at_end(p);
    n = eddy_reader_read_all(eddy_process_stdout(p), size - 1, &data);
    snprintf(buf, size, "%.*s", n > 0 ? (int)n : 0, n > 0 ? data : "");
    EXPECT_EQ(code_of(p), 0);
    return n;
}

TEST_ASYNC_REAL(the_path_is_that_of_the_childs_environment_and_searched_in_its_directory)
{
    char a[] = "/tmp/eddy-a-XXXXXX", b[] = "/tmp/eddy-b-XXXXXX", path[80], expected[80], buf[80];

    REQUIRE(mkdtemp(a) && mkdtemp(b));
    make_program(a, "thing", 0600);
    make_program(b, "thing", 0700);

    /* The first cannot be executed, so the second is. */
    snprintf(path, sizeof path, "PATH=/nowhere:%s:%s", a, b);
    snprintf(expected, sizeof expected, "%s/thing", b);
    output_with_path(path, NULL, buf, sizeof buf);
    EXPECT_STR(buf, expected);

    /* An empty entry is the directory in which it runs. */
    output_with_path("PATH=", b, buf, sizeof buf);
    EXPECT_STR(buf, "thing");

    /* Nowhere else: that one cannot be executed says more than that others have none. */
    snprintf(path, sizeof path, "PATH=%s:/nowhere", a);
    EXPECT_EQ(output_with_path(path, NULL, buf, sizeof buf), -EACCES);
    EXPECT_EQ(output_with_path(NULL, NULL, buf, sizeof buf), -ENOENT);
    remove_program(a, "thing");
    remove_program(b, "thing");
    return 0;
}

/* The environment, descriptors and signals that a subprocess gets from its parent. */

TEST_ASYNC_REAL(the_environment_is_the_one_given)
{
    char buf[200];
    const char *const env[] = {"ONE=1", "TWO=two words", "THREE=", NULL};

    EXPECT_EQ(shell_output(buf, "echo \"$ONE,$TWO,${THREE-unset},${HOME-unset}\"", .env = env), 0);
    EXPECT_STR(buf, "1,two words,,unset\n");
    setenv("EDDY_TEST_INHERITED", "yes", 1);
    EXPECT_EQ(shell_output(buf, "echo $EDDY_TEST_INHERITED"), 0);
    EXPECT_STR(buf, "yes\n");
    unsetenv("EDDY_TEST_INHERITED");
    return 0;
}

TEST_ASYNC_REAL(it_runs_in_its_directory)
{
    char buf[200];

    EXPECT_EQ(shell_output(buf, "pwd", .cwd = "/usr"), 0);
    EXPECT_STR(buf, "/usr\n");
    return 0;
}

TEST_ASYNC_REAL(another_shell_can_be_asked)
{
    char buf[200];

    EXPECT_EQ(shell_output(buf, "echo $0 $BASH_VERSINFO | grep -c bash", .executable = "/bin/bash"),
              0);
    EXPECT_STR(buf, "1\n");
    return 0;
}

TEST_ASYNC_REAL(of_descriptors_it_gets_only_what_is_passed)
{
    char buf[200], expected[40];
    int passed[2], kept[2];

    REQUIRE(pipe(kept) == 0 && pipe2(passed, O_CLOEXEC) == 0);
    snprintf(expected, sizeof expected, "0\n1\n2\n%d\n", passed[1]);
    EXPECT_EQ(shell_output(buf, "ls -v /proc/$$/fd; :", .pass_fds = &passed[1], .n_pass_fds = 1),
              0);
    EXPECT_STR(buf, expected);
    EXPECT(fcntl(passed[1], F_GETFD) & FD_CLOEXEC);
    EXPECT_EQ(fcntl(kept[0], F_GETFD), 0);
    for (int i = 0; i < 2; i++) {
        close(passed[i]);
        close(kept[i]);
    }
    return 0;
}

TEST_ASYNC_REAL(the_same_where_close_range_is_missing)
{
    char buf[200];
    int kept = dup(0);

    eddyi_fault_only("close_range", ENOSYS);
    EXPECT_EQ(shell_output(buf, "ls -v /proc/$$/fd; :"), 0);
    EXPECT_STR(buf, "0\n1\n2\n");
    close(kept);
    return 0;
}

TEST_ASYNC_REAL(it_can_get_all_that_is_not_close_on_exec)
{
    char buf[200], name[20];
    int kept = fcntl(0, F_DUPFD, 50), private = fcntl(0, F_DUPFD_CLOEXEC, 50);

    EXPECT_EQ(shell_output(buf, "ls -v /proc/$$/fd; :", .inherit_fds = true), 0);
    snprintf(name, sizeof name, "\n%d\n", kept);
    EXPECT_IN(name, buf);
    snprintf(name, sizeof name, "\n%d\n", private);
    EXPECT(strstr(buf, name) == NULL);
    close(kept);
    close(private);
    return 0;
}

/* Reads all of a file that has been written to. */
static const char *text_of(int fd, char *buf, size_t size)
{
    ssize_t n = pread(fd, buf, size - 1, 0);

    buf[n > 0 ? n : 0] = '\0';
    return buf;
}

TEST_ASYNC_REAL(its_standard_streams_can_be_any_descriptors)
{
    char buf[200];
    int out = memfd_create("out", MFD_CLOEXEC), err = memfd_create("err", MFD_CLOEXEC);
    eddy_process *p;

    eddy_try(eddy_create_subprocess_shell("cat; echo out; echo err >&2", &p, .std_in = EDDY_DEVNULL,
                                          .std_out = out, .std_err = err));
    EXPECT_EQ(code_of(p), 0);
    EXPECT_STR(text_of(out, buf, sizeof buf), "out\n");
    EXPECT_STR(text_of(err, buf, sizeof buf), "err\n");
    EXPECT(eddy_process_stdin(p) == NULL && eddy_process_stdout(p) == NULL &&
           eddy_process_stderr(p) == NULL);
    eddy_process_free(p);
    close(out);
    close(err);
    return 0;
}

TEST_ASYNC_REAL(they_can_be_exchanged)
{
    char buf[200];
    int out = memfd_create("out", MFD_CLOEXEC), err = memfd_create("err", MFD_CLOEXEC);
    int old_out = dup(1), old_err = dup(2);
    eddy_process *p;
    int rc;

    dup2(out, 1);
    dup2(err, 2);
    rc = eddy_create_subprocess_shell("echo out; echo err >&2", &p, .std_out = 2, .std_err = 1);
    dup2(old_out, 1);
    dup2(old_err, 2);
    close(old_out);
    close(old_err);
    if (rc == 0) {
        EXPECT_EQ(code_of(p), 0);
        EXPECT_STR(text_of(out, buf, sizeof buf), "err\n");
        EXPECT_STR(text_of(err, buf, sizeof buf), "out\n");
        eddy_process_free(p);
    }
    close(out);
    close(err);
    return rc;
}

TEST_ASYNC_REAL(standard_error_can_go_where_standard_output_goes)
{
    char buf[200];

    EXPECT_EQ(shell_output(buf, "echo one; echo two >&2; echo three", .std_err = EDDY_STDOUT), 0);
    EXPECT_STR(buf, "one\ntwo\nthree\n");
    return 0;
}

TEST_ASYNC_REAL(it_starts_where_the_program_has_no_standard_streams)
{
    const char *line;
    int saved[3], rc;
    eddy_process *p;
    ssize_t n;

    for (int i = 0; i < 3; i++) {
        saved[i] = fcntl(i, F_DUPFD_CLOEXEC, 10);
        close(i);
    }
    rc = eddy_create_subprocess_shell("cat; echo here", &p, .std_in = EDDY_DEVNULL,
                                      .std_out = EDDY_PIPE, .std_err = EDDY_DEVNULL);
    for (int i = 0; i < 3; i++) {
        dup2(saved[i], i);
        close(saved[i]);
    }
    eddy_try(rc);
    n = eddy_reader_readline(eddy_process_stdout(p), &line);
    EXPECT_EQ(n, 5);
    EXPECT_EQ(code_of(p), 0);
    eddy_process_free(p);
    return 0;
}

/* Signals. */

static void ignore(int signo)
{
}

/* Returns whether line @p line of /proc/self/status lists exactly the signals @p expected, among
 * those that the test is about. The program that runs the test may ignore others. */
static bool has_signals(const char *status, const char *line, unsigned long long expected)
{
    const unsigned long long concerned =
        1u << (SIGHUP - 1) | 1u << (SIGUSR1 - 1) | 1u << (SIGPIPE - 1) | 1u << (SIGTERM - 1);
    const char *at = strstr(status, line);

    return at && (strtoull(at + strlen(line), NULL, 16) & concerned) == expected;
}

TEST_ASYNC_REAL(it_has_no_signal_blocked_or_handled)
{
    char buf[200];
    sigset_t blocked, before;

    signal(SIGPIPE, SIG_IGN);
    signal(SIGUSR1, ignore);
    signal(SIGHUP, SIG_IGN);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &blocked, &before);
    EXPECT_EQ(shell_output(buf, "exec sed -n '/^Sig[BIC]/p' /proc/self/status"), 0);
    /* A signal that was ignored on purpose, as nohup does, is still ignored. */
    EXPECT(has_signals(buf, "SigBlk:", 0));
    EXPECT(has_signals(buf, "SigIgn:", 1u << (SIGHUP - 1)));
    EXPECT(has_signals(buf, "SigCgt:", 0));
    EXPECT_EQ(
        shell_output(buf, "exec sed -n '/^Sig[BI]/p' /proc/self/status", .inherit_signals = true),
        0);
    EXPECT(has_signals(buf, "SigBlk:", 1u << (SIGTERM - 1)));
    EXPECT(has_signals(buf, "SigIgn:", 1u << (SIGHUP - 1) | 1u << (SIGPIPE - 1)));
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    EXPECT(!sigismember(&before, SIGTERM));
    signal(SIGHUP, SIG_DFL);
    signal(SIGUSR1, SIG_DFL);
    signal(SIGPIPE, SIG_DFL);
    return 0;
}

/* Groups and sessions. */

/* Its number, group and session. */
struct numbers {
    int pid, group, session;
};

static struct numbers numbers_of(const eddy_subprocess_options *options)
{
    struct numbers n = {0};
    char buf[200];

    EXPECT_EQ(output_of(options, buf, sizeof buf), 0);
    EXPECT_EQ(sscanf(buf, "%d %d %d", &n.pid, &n.group, &n.session), 3);
    return n;
}
#define NUMBERS_OF(...)                                                                            \
    numbers_of(&(eddy_subprocess_options){.command = "exec cut -d' ' -f1,5,6 /proc/self/stat",     \
                                          __VA_ARGS__})

TEST_ASYNC_REAL(it_is_in_its_parents_group_or_one_of_its_own)
{
    struct numbers n = NUMBERS_OF(.cwd = NULL);

    EXPECT_EQ(n.group, getpgrp());
    EXPECT_EQ(n.session, getsid(0));
    n = NUMBERS_OF(.process_group = EDDY_NEW_GROUP);
    EXPECT_EQ(n.group, n.pid);
    EXPECT_EQ(n.session, getsid(0));
    n = NUMBERS_OF(.start_new_session = true);
    EXPECT_EQ(n.group, n.pid);
    EXPECT_EQ(n.session, n.pid);
    return 0;
}

TEST_ASYNC_REAL(it_can_be_put_into_the_group_of_another)
{
    eddy_process *leader;

    eddy_try(eddy_create_subprocess_exec(eddy_argv("sleep", "1000"), &leader,
                                         .process_group = EDDY_NEW_GROUP));
    EXPECT_EQ(NUMBERS_OF(.process_group = eddy_process_pid(leader)).group,
              eddy_process_pid(leader));
    eddy_process_free(leader);
    return 0;
}
