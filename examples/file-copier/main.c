/*
 * Copies a file or a tree, several files concurrently.
 *
 *     file-copier SOURCE DESTINATION
 *
 * One task walks the tree, and makes a task for each file; a semaphore limits their number. Files
 * that cannot be copied are reported on standard error, and the copy goes on; the exit status is
 * then 1. A file is never copied onto itself, nor a directory into itself.
 *
 * A tree may have any depth: the directories to be walked are in a list, not on the stack, and a
 * path that is too long for the system is resolved piece by piece.
 */
#include "command.h"

#include <eddy.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SIDE_BY_SIDE = 8 };
enum { ITSELF = INT_MIN }; /* a status: source and target are the same file */

/* A file to be copied, or a directory to be walked. */
struct job {
    struct job *next;
    char *from, *to;
    mode_t mode;
};

static struct copier {
    eddy_group group;
    eddy_semaphore slots;
    /* directories to be walked; files whose jobs are to be freed in the end */
    struct job *directories, *files;
    struct stat root; /* the root of the copy, which must not be walked */
    bool has_root;
    unsigned long n_files, bytes, failures;
    bool shows_progress;
} copier = {.slots = EDDY_SEMAPHORE_INIT(SIDE_BY_SIDE)};

static void failed(const char *path, int status)
{
    fprintf(stderr, "file-copier: %s: %s\n", path,
            status == ITSELF ? "cannot be copied onto or into itself" : eddy_strerror(status));
    copier.failures++;
}

static void show_progress(void)
{
    if (copier.shows_progress)
        fprintf(stderr, "\r%lu files, %lu MB", copier.n_files, copier.bytes >> 20);
}

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/*
 * A short equivalent of a path that may be too long for the system; while it is in use, a directory
 * on the way is open.
 */
struct reach {
    char path[PATH_MAX];
    int fd; /* -1: none */
};

static void let_go(struct reach *r)
{
    if (r->fd >= 0)
        eddy_file_close(r->fd);
    r->fd = -1;
}

static int reach(struct reach *r, const char *path)
{
    /* with the directory before it, and a name after it */
    const size_t most = PATH_MAX - NAME_MAX - 40;
    int rc;

    r->fd = -1;
    snprintf(r->path, sizeof r->path, "%.*s", (int)most, path);
    while (strlen(path) > most) {
        size_t n = most;

        while (n > 1 && path[n - 1] != '/')
            n--;
        if (r->fd < 0)
            snprintf(r->path, sizeof r->path, "%.*s", (int)n, path);
        else
            snprintf(r->path, sizeof r->path, "/proc/self/fd/%d/%.*s", r->fd, (int)n, path);
        rc = eddy_file_open(r->path, O_PATH | O_DIRECTORY, 0);
        let_go(r);
        if (rc < 0)
            return rc;
        r->fd = rc;
        path += n;
        snprintf(r->path, sizeof r->path, "/proc/self/fd/%d/%.*s", r->fd, (int)most, path);
    }
    return 0;
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

/* Opens the target, which empties it: so checks first that it is not the source. */
static int open_target(int in, const char *to, mode_t mode)
{
    struct stat source, target;
    int rc = eddy_file_fstat(in, &source);

    if (rc == 0)
        rc = eddy_file_stat(to, &target);
    if (rc == 0 && is_same(&source, &target))
        return ITSELF;
    if (rc < 0 && rc != -ENOENT)
        return rc;
    return eddy_file_open(to, O_WRONLY | O_CREAT | O_TRUNC, mode);
}

static int copy_file(const char *from, const char *to, mode_t mode)
{
    int in = eddy_file_open(from, O_RDONLY, 0), out, rc, closed;

    if (in < 0)
        return in;
    rc = out = open_target(in, to, mode);
    if (out >= 0) {
        rc = copy_contents(in, out);
        closed = eddy_file_close(out);
        rc = rc < 0 ? rc : closed;
    }
    eddy_file_close(in);
    return rc;
}

static int reach_and_copy(const struct job *job)
{
    struct reach from, to;
    int rc = reach(&from, job->from);

    if (rc < 0)
        return rc;
    rc = reach(&to, job->to);
    if (rc == 0) {
        rc = copy_file(from.path, to.path, job->mode);
        let_go(&to);
    }
    let_go(&from);
    return rc;
}

/* Copies one file, as a task; releases the semaphore that was acquired for it. */
static int run_job(void *arg)
{
    const struct job *job = arg;
    int rc = reach_and_copy(job);

    if (rc == 0)
        copier.n_files++;
    else if (rc != -ECANCELED)
        failed(job->from, rc);
    eddy_semaphore_release(&copier.slots);
    return rc == -ECANCELED ? rc : 0;
}

/* Inserts a job at the front of the list. */
static struct job *add_job(struct job **list, const char *from, const char *to, mode_t mode)
{
    struct job *job = calloc(1, sizeof *job);

    if (!job)
        return NULL;
    job->next = *list;
    *list = job;
    job->from = strdup(from);
    job->to = strdup(to);
    job->mode = mode & 0777;
    return job->from && job->to ? job : NULL;
}

static void free_first_job(struct job **list)
{
    struct job *job = *list;

    *list = job->next;
    free(job->from);
    free(job->to);
    free(job);
}

static int start_file(const char *from, const char *to, mode_t mode)
{
    struct job *job = add_job(&copier.files, from, to, mode);

    if (!job)
        return -ENOMEM;
    eddy_try(eddy_semaphore_acquire(&copier.slots));
    return eddy_group_create_task(&copier.group, eddy_coro(run_job, job));
}

/*
 * Starts to copy @from, which can be reached by @path. A failure is reported; only one that
 * concerns the whole copy is returned.
 */
static int start(const char *path, const char *from, const char *to)
{
    struct stat st;
    int rc = eddy_file_lstat(path, &st);

    if (rc == 0 && S_ISREG(st.st_mode))
        rc = start_file(from, to, st.st_mode);
    else if (rc == 0 && S_ISDIR(st.st_mode) && copier.has_root && is_same(&st, &copier.root))
        rc = ITSELF;
    else if (rc == 0 && S_ISDIR(st.st_mode))
        rc = add_job(&copier.directories, from, to, st.st_mode) ? 0 : -ENOMEM;
    else if (rc == 0)
        rc = -EOPNOTSUPP; /* links, devices and the like */
    if (rc == -ECANCELED || rc == -ENOMEM)
        return rc;
    if (rc < 0)
        failed(from, rc);
    return 0;
}

static int start_entry(const char *path, const struct job *job, const char *name)
{
    char *entry_path, *from = NULL, *to = NULL;
    int rc = -ENOMEM;

    if (asprintf(&entry_path, "%s/%s", path, name) < 0)
        return -ENOMEM;
    if (asprintf(&from, "%s/%s", job->from, name) >= 0) {
        if (asprintf(&to, "%s/%s", job->to, name) >= 0) {
            rc = start(entry_path, from, to);
            free(to);
        }
        free(from);
    }
    free(entry_path);
    return rc;
}

static int start_entries(const char *path, const struct job *job)
{
    eddy_dir_entry entry;
    eddy_dir *dir;
    int rc;

    eddy_try(eddy_dir_open(path, &dir));
    while ((rc = eddy_dir_next(dir, &entry)) == 1) {
        rc = start_entry(path, job, entry.name);
        if (rc == -ECANCELED || rc == -ENOMEM)
            break;
    }
    eddy_dir_close(dir);
    return rc < 0 ? rc : 0;
}

/*
 * Makes a directory, unless there is one. Only the first one may be a symbolic link to a directory:
 * others could lead back into the source.
 */
static int make_directory(const char *from, const char *to, mode_t mode)
{
    int rc = eddy_file_mkdir(to, mode | S_IRWXU);
    struct stat source, target;

    if (rc < 0 && rc != -EEXIST)
        return rc;
    rc = copier.has_root ? eddy_file_lstat(to, &target) : eddy_file_stat(to, &target);
    if (rc == 0)
        rc = eddy_file_lstat(from, &source);
    if (rc < 0)
        return rc;
    if (!S_ISDIR(target.st_mode))
        return -ENOTDIR;
    if (is_same(&source, &target))
        return ITSELF;
    if (!copier.has_root)
        copier.root = target;
    copier.has_root = true;
    return 0;
}

static int walk(const struct job *job)
{
    struct reach from, to;
    int rc = reach(&from, job->from);

    if (rc < 0)
        return rc;
    rc = reach(&to, job->to);
    if (rc == 0) {
        rc = make_directory(from.path, to.path, job->mode);
        let_go(&to);
    }
    if (rc == 0)
        rc = start_entries(from.path, job);
    let_go(&from);
    return rc;
}

/* Walks the first directory of the list; its subdirectories are inserted in front of the others. */
static int walk_first(void)
{
    struct job job = *copier.directories;
    int rc;

    *copier.directories = (struct job){.next = job.next};
    free_first_job(&copier.directories);
    rc = walk(&job);
    if (rc < 0 && rc != -ECANCELED && rc != -ENOMEM) {
        failed(job.from, rc);
        rc = 0;
    }
    free(job.from);
    free(job.to);
    return rc;
}

static int start_all(const char *from, const char *to)
{
    struct reach path;
    int rc = reach(&path, from);

    if (rc == 0) {
        rc = start(path.path, from, to);
        let_go(&path);
    }
    while (rc == 0 && copier.directories)
        rc = walk_first();
    return rc;
}

eddy_async(copy, (const char *, from), (const char *, to))
{
    eddy_group_enter(&copier.group);
    return eddy_group_exit(&copier.group, start_all(from, to));
}

static const char help[] = "usage: file-copier SOURCE DESTINATION\n\n"
                           "Copies a tree of files, several files at a time.\n";

int main(int argc, char **argv)
{
    int status;

    if (command_is_answered(argc, argv, help))
        return 0;
    if (argc != 3)
        return command_refuse(help);
    copier.shows_progress = isatty(STDERR_FILENO);
    status = eddy_run(copy(argv[1], argv[2]));
    if (copier.shows_progress)
        fprintf(stderr, "\n");
    while (copier.files)
        free_first_job(&copier.files);
    while (copier.directories)
        free_first_job(&copier.directories);
    return status < 0 ? eddy_exit_code(status) : copier.failures > 0;
}
