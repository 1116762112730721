/*
 * Runs shell commands, one on each line of FILE or of standard input, N at a time: parallel-runner
 * [-j N] [FILE].
 *
 * Each line that a command writes to standard output or error is printed as soon as it is complete,
 * preceded by the command's number. The result of each command is printed to standard error. A
 * command is over when it has ended and its output has. The exit status is 0 if all commands
 * succeeded, 1 if not, and 128 plus the signal's number after a signal: SIGINT (Ctrl-C), SIGTERM,
 * SIGHUP and SIGQUIT kill the running commands and all processes that they started.
 */
#include "command.h"

#include <eddy.h>

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LONGEST_LINE = 1 << 20 };

struct work {
    char **commands;
    size_t n, next, n_over, n_failed;
};

/* The commands. */

static bool is_blank(const char *line)
{
    while (isspace((unsigned char)*line))
        line++;
    return *line == '\0' || *line == '#';
}

static int add(struct work *w, char *line)
{
    char **more = realloc(w->commands, (w->n + 1) * sizeof *more);

    if (!more)
        return -ENOMEM;
    w->commands = more;
    w->commands[w->n] = strdup(line);
    return w->commands[w->n++] ? 0 : -ENOMEM;
}

static int read_commands(struct work *w, FILE *f)
{
    char *line = NULL;
    size_t size = 0;
    int rc = 0;

    while (rc == 0 && getline(&line, &size, f) >= 0) {
        line[strcspn(line, "\n")] = '\0';
        if (!is_blank(line))
            rc = add(w, line);
    }
    free(line);
    return rc == 0 && ferror(f) ? -EIO : rc;
}

static void free_commands(struct work *w)
{
    for (size_t i = 0; i < w->n; i++)
        free(w->commands[i]);
    free(w->commands);
}

/* Running them. */

static void print_line(size_t number, const char *line, ssize_t n)
{
    bool complete = line[n - 1] == '\n';

    printf("[%zu] %.*s%s", number, (int)n, line, complete ? "" : "\n");
    fflush(stdout);
}

static EDDY_AWAITS int print_lines(size_t number, eddy_reader *output)
{
    const char *line;
    ssize_t n;

    while ((n = eddy_reader_readline(output, &line)) != 0) {
        if (n > 0)
            print_line(number, line, n);
        else if (n == EDDY_ELIMIT)
            printf("[%zu] (a line of more than %d bytes)\n", number, LONGEST_LINE);
        else
            return (int)n;
    }
    return 0;
}

static void print_end(struct work *w, size_t number, int returncode)
{
    char how[40] = "ok";

    if (returncode > 0)
        snprintf(how, sizeof how, "exit code %d", returncode);
    else if (returncode < 0)
        snprintf(how, sizeof how, "signal %d (%s)", -returncode, strsignal(-returncode));
    w->n_over++;
    w->n_failed += returncode != 0;
    fprintf(stderr, "%zu/%zu: [%zu] %s: %s\n", w->n_over, w->n, number, how,
            w->commands[number - 1]);
}

/*
 * Reports a command that could not be started, for example because its line is too long; the others
 * go on.
 */
static int print_no_start(struct work *w, size_t number, int rc)
{
    w->n_over++;
    w->n_failed++;
    fprintf(stderr, "%zu/%zu: [%zu] cannot be started (%s): %.200s\n", w->n_over, w->n, number,
            eddy_strerror(rc), w->commands[number - 1]);
    return 0;
}

static EDDY_AWAITS int run_command(struct work *w, size_t number)
{
    eddy_process *proc;
    int returncode, rc;

    rc = eddy_create_subprocess_shell(w->commands[number - 1], &proc, .std_in = EDDY_DEVNULL,
                                      .std_out = EDDY_PIPE, .std_err = EDDY_STDOUT,
                                      .limit = LONGEST_LINE, .process_group = EDDY_NEW_GROUP);
    if (rc < 0)
        return rc == -ECANCELED ? rc : print_no_start(w, number, rc);
    eddy_process_free_at_end(proc);
    rc = print_lines(number, eddy_process_stdout(proc));
    if (rc == 0)
        rc = eddy_process_wait(proc, &returncode);
    if (rc < 0)
        eddy_process_signal_group(proc, SIGKILL);
    else
        print_end(w, number, returncode);
    return rc;
}

eddy_async(worker, (struct work *, w))
{
    while (w->next < w->n)
        eddy_try(run_command(w, ++w->next));
    return 0;
}

/* The signals that end the program, besides Ctrl-C, which eddy_run() handles. */
static struct end {
    int signo;
    bool came;
    eddy_task *task; /* the task to cancel */
} ends[] = {{.signo = SIGTERM}, {.signo = SIGHUP}, {.signo = SIGQUIT}};
enum { N_ENDS = sizeof ends / sizeof ends[0] };

static void end_by_signal(void *arg)
{
    struct end *end = arg;

    end->came = true;
    eddy_task_cancel(end->task, NULL);
}

/* Handles these signals; a hangup that is ignored, as by nohup(1), stays ignored. */
static int watch_signals(void)
{
    struct sigaction old;

    for (int i = 0; i < N_ENDS; i++) {
        ends[i].task = eddy_current_task();
        if (ends[i].signo != SIGHUP ||
            (sigaction(SIGHUP, NULL, &old) == 0 && old.sa_handler != SIG_IGN))
            eddy_try(eddy_loop_add_signal_handler(eddy_get_running_loop(), ends[i].signo,
                                                  end_by_signal, &ends[i]));
    }
    return 0;
}

/* Returns the exit status of a run that failed. */
static int exit_status(int rc)
{
    for (int i = 0; i < N_ENDS; i++)
        if (ends[i].came)
            return 128 + ends[i].signo;
    return eddy_exit_code(rc);
}

eddy_async(run_all, (struct work *, w), (int, n_workers))
{
    eddy_group tg;

    eddy_try(watch_signals());
    eddy_group_enter(&tg);
    for (int i = 0; i < n_workers; i++)
        eddy_group_create_task(&tg, worker(w));
    return eddy_group_exit(&tg, 0);
}

/* The command line. */

static const char help[] =
    "usage: parallel-runner [-j N] [FILE]\n\n"
    "Runs shell commands, one on each line of FILE or of standard input, N at a time.\n";

int main(int argc, char **argv)
{
    struct work w = {0};
    long n_workers = sysconf(_SC_NPROCESSORS_ONLN);
    FILE *f = stdin;
    int option, rc;

    if (command_is_answered(argc, argv, help))
        return 0;
    while ((option = getopt(argc, argv, "j:")) != -1) {
        n_workers = option == 'j' ? strtol(optarg, NULL, 10) : 0;
        if (n_workers < 1 || n_workers > 10000)
            return command_refuse(help);
    }
    if (argc - optind > 1)
        return command_refuse(help);
    if (optind < argc && !(f = fopen(argv[optind], "r"))) {
        perror(argv[optind]);
        return 2;
    }
    rc = read_commands(&w, f);
    if (f != stdin)
        fclose(f);
    if (rc == 0)
        rc = eddy_run(run_all(&w, (int)n_workers));
    rc = rc < 0 ? exit_status(rc) : w.n_failed > 0;
    free_commands(&w);
    return rc;
}
