/*
 * Copies a file or a tree, several files side by side.
 *
 *     file-copier SOURCE DESTINATION
 *
 * One task walks the tree, and makes a task for each file; a semaphore keeps it from running ahead. What cannot be
 * copied is said on standard error, and the rest goes on; the exit status is then 1.
 */
#include <eddy.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SIDE_BY_SIDE = 8 };

static struct copier {
    eddy_group group;
    eddy_semaphore slots;
    unsigned long files, bytes, failures;
    bool shows_progress;
} copier = {.slots = EDDY_SEMAPHORE_INIT(SIDE_BY_SIDE)};

/* One file to be copied. All of them are in a list, to be freed in the end. */
struct job {
    struct job *next;
    char *from, *to;
    mode_t mode;
};
static struct job *jobs;

static void failed(const char *path, int status)
{
    fprintf(stderr, "file-copier: %s: %s\n", path, eddy_strerror(status));
    copier.failures++;
}

static void show_progress(void)
{
    if (copier.shows_progress)
        fprintf(stderr, "\r%lu files, %lu MB", copier.files, copier.bytes >> 20);
}

static int copy_contents(int in, int out)
{
    ssize_t n;

    do {
        n = eddy_file_copy(in, out, SIZE_MAX);
        if (n > 0)
            copier.bytes += (unsigned long)n;
        show_progress();
    } while (n > 0);
    return (int)n;
}

static int copy_file(const struct job *job)
{
    int in = eddy_file_open(job->from, O_RDONLY, 0), out, rc, closed;

    if (in < 0)
        return in;
    rc = out = eddy_file_open(job->to, O_WRONLY | O_CREAT | O_TRUNC, job->mode);
    if (out >= 0) {
        rc = copy_contents(in, out);
        closed = eddy_file_close(out);
        rc = rc < 0 ? rc : closed;
    }
    eddy_file_close(in);
    return rc;
}

/* A task. It gives back the slot that it was started with. */
static int run_job(void *arg)
{
    const struct job *job = arg;
    int rc = copy_file(job);

    if (rc == 0)
        copier.files++;
    else if (rc != -ECANCELED)
        failed(job->from, rc);
    eddy_semaphore_release(&copier.slots);
    return rc == -ECANCELED ? rc : 0;
}

static int start_file(const char *from, const char *to, mode_t mode)
{
    struct job *job = calloc(1, sizeof *job);

    if (!job)
        return -ENOMEM;
    job->next = jobs;
    jobs = job;
    job->from = strdup(from);
    job->to = strdup(to);
    job->mode = mode & 0777;
    if (!job->from || !job->to)
        return -ENOMEM;
    eddy_try(eddy_semaphore_acquire(&copier.slots));
    return eddy_group_create_task(&copier.group, eddy_coro(run_job, job)) ? 0 : -ENOMEM;
}

static int start(const char *from, const char *to);

static int start_entry(const char *from, const char *to, const char *name)
{
    char *from_entry, *to_entry = NULL;
    int rc = -ENOMEM;

    if (asprintf(&from_entry, "%s/%s", from, name) < 0)
        return -ENOMEM;
    if (asprintf(&to_entry, "%s/%s", to, name) >= 0) {
        rc = start(from_entry, to_entry);
        free(to_entry);
    }
    free(from_entry);
    return rc;
}

static int start_directory(const char *from, const char *to, mode_t mode)
{
    eddy_dir_entry entry;
    eddy_dir *dir;
    int rc = eddy_file_mkdir(to, (mode & 0777) | S_IRWXU);

    if (rc < 0 && rc != -EEXIST)
        return rc;
    eddy_try(eddy_dir_open(from, &dir));
    while ((rc = eddy_dir_next(dir, &entry)) == 1) {
        rc = start_entry(from, to, entry.name);
        if (rc == -ECANCELED || rc == -ENOMEM)
            break;
    }
    eddy_dir_close(dir);
    return rc < 0 ? rc : 0;
}

/* Begins to copy whatever @from is. What fails is said; only what concerns everything is returned. */
static int start(const char *from, const char *to)
{
    struct stat st;
    int rc = eddy_file_lstat(from, &st);

    if (rc == 0 && S_ISREG(st.st_mode))
        rc = start_file(from, to, st.st_mode);
    else if (rc == 0 && S_ISDIR(st.st_mode))
        rc = start_directory(from, to, st.st_mode);
    else if (rc == 0)
        rc = -EOPNOTSUPP; /* links, devices and the like */
    if (rc == -ECANCELED || rc == -ENOMEM)
        return rc;
    if (rc < 0)
        failed(from, rc);
    return 0;
}

eddy_async(copy, (const char *, from), (const char *, to))
{
    eddy_group_enter(&copier.group);
    return eddy_group_exit(&copier.group, start(from, to));
}

int main(int argc, char **argv)
{
    int status;

    if (argc != 3) {
        fprintf(stderr, "usage: file-copier SOURCE DESTINATION\n");
        return 2;
    }
    copier.shows_progress = isatty(STDERR_FILENO);
    status = eddy_run(copy(argv[1], argv[2]));
    if (copier.shows_progress)
        fprintf(stderr, "\n");
    while (jobs) {
        struct job *job = jobs;

        jobs = job->next;
        free(job->from);
        free(job->to);
        free(job);
    }
    if (status < 0)
        fprintf(stderr, "file-copier: %s\n", eddy_strerror(status));
    return status < 0 || copier.failures > 0;
}
