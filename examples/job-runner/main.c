/*
 * Runs commands periodically, as a file says:
 *
 *     # NAME  PERIOD  LIMIT  RETRIES  COMMAND
 *     beat    1       5      0        date
 *     backup  3600    600    2        rsync -a /srv /backup
 *
 *     build/bin/job-runner jobs.conf
 *
 * PERIOD and LIMIT are seconds. A command that takes longer than LIMIT, or fails, is tried again
 * RETRIES times. SIGHUP reads the file again: jobs whose lines are unchanged go on. SIGTERM and
 * Ctrl-C end the program, and all processes that it has started.
 */
#include "command.h"

#include <signal.h>
#include <stdlib.h>

static const char help[] =
    "usage: job-runner FILE\n\n"
    "Each line of FILE is NAME PERIOD LIMIT RETRIES COMMAND, with PERIOD and LIMIT in seconds.\n"
    "SIGHUP reads FILE again.\n";

struct job {
    struct job *next;
    eddy_task *task;
    char name[32];
    double period, limit;
    int retries;
    const char *command; /* in line */
    char line[];
};

static struct job *jobs;
static eddy_semaphore room = EDDY_SEMAPHORE_INIT(4); /* at most four commands at a time */

/* Runs the command once. If it takes too long, or the job ends, kills all its processes. */
static int run_once(const struct job *j)
{
    eddy_process *p;
    const char *out;
    size_t n;
    int rc;

    eddy_try(eddy_semaphore_acquire(&room));
    eddy_semaphore_release_at_end(&room);
    eddy_try(eddy_create_subprocess_shell(j->command, &p, .std_in = EDDY_DEVNULL,
                                          .std_out = EDDY_PIPE, .std_err = EDDY_STDOUT,
                                          .process_group = EDDY_NEW_GROUP));
    eddy_process_free_at_end(p);
    rc = eddy_within(j->limit, eddy_process_communicate(p, NULL, 0, &out, &n, .limit = 65536));
    if (rc < 0) {
        eddy_process_signal_group(p, SIGKILL);
        return rc == -ETIMEDOUT ? eddy_raise(rc, "more than %g s", j->limit) : rc;
    }
    printf("%s: %.*s\n", j->name, (int)strcspn(out, "\n"), out);
    rc = eddy_process_returncode(p);
    return rc == 0 ? 0 : eddy_raise(EDDY_EUSER, rc > 0 ? "exit code %d" : "signal %d", abs(rc));
}

/* Runs the command until it succeeds, as often as the job allows. */
static int run_with_retries(const struct job *j)
{
    for (int failures = 0;; failures++) {
        int rc = run_once(j);

        if (rc >= 0 || rc == -ECANCELED)
            return rc;
        eddy_perror(j->name);
        if (failures == j->retries)
            return 0;
        eddy_try(eddy_sleep(0.1 * (1 << failures)));
    }
}

static eddy_async(run_job, (struct job *, j))
{
    eddy_loop *loop = eddy_get_running_loop();

    for (double next = eddy_loop_time(loop);;) {
        eddy_try(run_with_retries(j));
        while (next <= eddy_loop_time(loop)) /* periods that were missed are left out */
            next += j->period;
        eddy_try(eddy_sleep(next - eddy_loop_time(loop)));
    }
}

/* Makes the job of a line and begins it. Returns NULL if the line is malformed. */
static struct job *begin(const char *line)
{
    struct job *j = calloc(1, sizeof *j + strlen(line) + 1);
    int at = 0;

    if (!j)
        return NULL;
    strcpy(j->line, line);
    sscanf(line, "%31s %lf %lf %d %n", j->name, &j->period, &j->limit, &j->retries, &at);
    if (!line[at] || at == 0 || !(j->period > 0 && j->limit > 0)) {
        free(j);
        return NULL;
    }
    j->command = j->line + at;
    j->task = eddy_create_task(run_job(j), .name = j->name);
    return j;
}

static void end(struct job *list)
{
    for (struct job *j = list, *next; j; j = next) {
        next = j->next;
        eddy_task_cancel(j->task, "the job has ended");
        (void)eddy_await(j->task);
        printf("%s: ended\n", j->name);
        free(j);
    }
}

/* Removes the job of that line from @jobs. Returns NULL if there is none. */
static struct job *take(const char *line)
{
    for (struct job **at = &jobs, *j; (j = *at) != NULL; at = &j->next) {
        if (strcmp(j->line, line) == 0) {
            *at = j->next;
            return j;
        }
    }
    return NULL;
}

/* Begins the jobs of new lines and ends those whose lines are gone. */
static int reload(const char *path)
{
    struct job *now = NULL, *j;
    char *text, *rest;
    size_t size;

    eddy_try(eddy_file_read_all(path, 1 << 20, &text, &size));
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        if (line[0] == '#')
            continue;
        if (!(j = take(line)) && !(j = begin(line))) {
            fprintf(stderr, "malformed: %s\n", line);
            continue;
        }
        j->next = now;
        now = j;
    }
    eddy_file_free(text);
    end(jobs);
    jobs = now;
    return 0;
}

static eddy_async(amain, (const char *, path))
{
    eddy_signals signals;
    int signo;

    eddy_try(eddy_signals_open(&signals, SIGHUP, SIGTERM, SIGINT));
    do {
        if (reload(path) < 0)
            eddy_perror("the jobs are unchanged");
        signo = eddy_signals_next(&signals);
    } while (signo == SIGHUP);
    eddy_signals_close(&signals);
    end(jobs);
    return 0;
}

int main(int argc, char **argv)
{
    if (command_is_answered(argc, argv, help))
        return 0;
    if (argc != 2)
        return command_refuse(help);
    setlinebuf(stdout);
    return eddy_main(amain(argv[1]));
}
