/*
 * eddy-fetch fetches many URLs at once. From the command line (options.c, request.c) to the list of
 * URLs (items.c, names.c), the workers (fetch.c, hosts.c), one URL (transfer.c, output.c), and its
 * reports (progress.c, bars.c, report.c, json.c).
 */
#include "fetch.h"
#include "items.h"
#include "options.h"
#include "output.h"
#include "report.h"
#include "stop.h"

#include <eddy/error.h>
#include <eddy/run.h>

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* Opens a file in place of each closed standard stream. Otherwise a file or socket could get such a
 * number, and the output that is printed there. Printing fails as it would without these files. */
static void occupy_standard_descriptors(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDONLY);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

/* Raises the limit of descriptors: each transfer needs up to three, and the usual soft limit of
 * 1024 is meant for programs that use select(2). */
static void allow_many_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* Opens the outputs of the run. Returns 0, or a negative status after printing why. */
static int prepare(struct job *job)
{
    job->output_dir = AT_FDCWD;
    if (job->options->remote_names && item_list_name_files(job->items) < 0) {
        fputs("eddy-fetch: out of memory\n", stderr);
        return -ENOMEM;
    }
    if (!job->options->output_dir)
        return 0;
    job->output_dir = output_open_directory(job->options->output_dir);
    return job->output_dir;
}

static int report(const struct job *job)
{
    struct totals totals;

    totals_compute(&totals, job->items, job->seconds);
    if (job->options->json)
        report_json(job->items, &totals, job->options->output_dir);
    else if (job->options->lines)
        report_rest(job->items, job->options->output_dir);
    else if (!job->options->quiet)
        report_table(job->options->to_stdout ? stderr : stdout, job->items, &totals);
    errno = 0;
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "eddy-fetch: standard output: %s\n", strerror(errno ? errno : EIO));
        return EXIT_SOME_FAILED;
    }
    return totals.n_ok == job->items->n ? EXIT_SUCCESS : EXIT_SOME_FAILED;
}

static int run(struct job *job)
{
    int status = eddy_run(fetch_all(job));
    int code;

    if (status == -EINTR || job->signal)
        fprintf(stderr, "eddy-fetch: %s: %zu of %zu URLs were fetched\n",
                job->signal ? strsignal(job->signal) : "interrupted",
                item_list_count(job->items, ITEM_DONE), job->items->n);
    else if (status < 0)
        eddy_exit_code(status); /* prints why */
    code = report(job);
    if (job->signal)
        return 128 + job->signal;
    if (status == -EINTR)
        return 128 + SIGINT;
    return status < 0 ? EXIT_SOME_FAILED : code;
}

int main(int argc, char **argv)
{
    struct options options;
    struct item_list items = {0};
    struct job job = {.options = &options, .items = &items};
    int code;

    occupy_standard_descriptors();
    setlocale(LC_CTYPE, ""); /* decides how libcurl reads names that are not ASCII */
    if (options_parse(argc, argv, &options, &items, &code)) {
        allow_many_descriptors();
        stop_block_signals();
        code = prepare(&job) < 0 ? EXIT_USAGE : run(&job);
        if (job.output_dir >= 0)
            close(job.output_dir);
    }
    item_list_free(&items);
    options_free(&options);
    return code;
}
