/*
 * Follows several growing files concurrently, as tail -F does, also files that appear later, are
 * truncated, or are replaced.
 *
 *     build/examples/net/tail FILE…
 *
 * inotify(7) reports the changes; its descriptor is a stream like any other. Each file has a task,
 * which an event wakes.
 */
#include "command.h"

#include <eddy.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

struct follower {
    const char *path;
    eddy_event changed;
    bool several; /* each line is printed with its file's name */
};

static void show(const struct follower *f, const char *text, size_t n)
{
    while (n > 0) {
        const char *newline = memchr(text, '\n', n);
        size_t line = newline ? (size_t)(newline - text) + 1 : n;

        if (f->several)
            printf("%s: ", f->path);
        fwrite(text, 1, line, stdout);
        text += line;
        n -= line;
    }
    fflush(stdout);
}

/* Prints the file from *offset to its end, and advances *offset. */
static int catch_up(const struct follower *f, int fd, int64_t *offset)
{
    char text[16384]; /* in this task's stack: other tasks read meanwhile */
    struct stat st;
    ssize_t n;

    eddy_try(eddy_file_fstat(fd, &st));
    if (st.st_size < *offset)
        *offset = 0; /* the file was truncated */
    while ((n = eddy_file_read(fd, text, sizeof text, *offset)) > 0) {
        show(f, text, (size_t)n);
        *offset += n;
    }
    return (int)n;
}

/*
 * Returns 1 if the path leads to another file than the open one, or to none, else 0; or -ECANCELED.
 */
static int has_changed(const char *path, int fd)
{
    struct stat named, open;
    int rc = eddy_file_stat(path, &named);

    if (rc == 0)
        rc = eddy_file_fstat(fd, &open);
    if (rc == -ECANCELED)
        return rc;
    return rc < 0 || named.st_ino != open.st_ino || named.st_dev != open.st_dev;
}

/*
 * Opens the file that the path leads to now, if it is another one; *fd is < 0 if there is none.
 * Returns 0, or an error with which the follower cannot go on.
 */
static int look_again(const struct follower *f, int *fd, int64_t *offset)
{
    bool first = *offset < 0; /* of the first file only new lines are printed */
    int rc = *fd < 0 ? 1 : has_changed(f->path, *fd);
    struct stat st;

    if (rc <= 0)
        return rc;
    if (*fd >= 0)
        close(*fd);
    *offset = 0;
    *fd = eddy_file_open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
    if (*fd < 0)
        return *fd == -ECANCELED ? *fd : 0;
    if (first) {
        eddy_try(eddy_file_fstat(*fd, &st));
        *offset = st.st_size;
    }
    return 0;
}

static eddy_async(follow, (struct follower *, f))
{
    int64_t offset = -1;
    int fd = -1, rc = 0;

    while (rc == 0) {
        eddy_event_clear(&f->changed);
        rc = look_again(f, &fd, &offset);
        if (rc == 0 && fd >= 0)
            rc = catch_up(f, fd, &offset);
        if (rc == 0)
            rc = eddy_event_wait(&f->changed);
    }
    if (fd >= 0)
        close(fd);
    return rc;
}

/* Wakes the followers of files that changed in their folders. */
static int pass_on(eddy_reader *reader, struct follower *followers, int n)
{
    _Alignas(struct inotify_event) char space[sizeof(struct inotify_event) + 256];
    struct inotify_event *e = (struct inotify_event *)(void *)space;
    ssize_t rc;

    while ((rc = eddy_reader_readexactly(reader, e, sizeof *e)) > 0) {
        eddy_try((int)eddy_reader_readexactly(reader, e->name, e->len));
        for (int i = 0; i < n; i++) {
            const char *slash = strrchr(followers[i].path, '/');

            if (e->len == 0 || strcmp(e->name, slash ? slash + 1 : followers[i].path) == 0)
                eddy_event_set(&followers[i].changed);
        }
    }
    return (int)rc;
}

static int watch_folder(int inotify, const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    int rc =
        folder ? inotify_add_watch(inotify, folder, IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_DELETE)
               : -1;

    free(folder);
    return rc < 0 ? eddy_raise(-errno, "watch the folder of %s", path) : 0;
}

eddy_async(amain, (char **, paths), (int, n))
{
    struct follower *followers = calloc((size_t)n, sizeof *followers);
    int inotify = inotify_init1(IN_CLOEXEC),
        rc = followers && inotify >= 0 ? 0 : eddy_raise(-errno, "inotify");
    eddy_reader *reader;
    eddy_group tg;

    for (int i = 0; rc == 0 && i < n; i++)
        rc = watch_folder(inotify, paths[i]);
    if (rc == 0)
        rc = eddy_connect_read_pipe(inotify, 0, &reader);
    if (rc < 0) {
        close(inotify);
        free(followers);
        return rc;
    }
    eddy_group_enter(&tg);
    for (int i = 0; i < n; i++) {
        followers[i] = (struct follower){.path = paths[i], .several = n > 1};
        (void)eddy_group_create_task(&tg, follow(&followers[i]));
    }
    rc = eddy_group_exit(&tg, pass_on(reader, followers, n));
    eddy_reader_free(reader);
    free(followers);
    return rc;
}

static const char help[] = "usage: tail FILE…\n\n"
                           "Prints what is appended to the files, like tail -F.\n";

int main(int argc, char **argv)
{
    if (command_is_answered(argc, argv, help))
        return 0;
    if (argc < 2)
        return command_refuse(help);
    return eddy_main(amain(argv + 1, argc - 1), .sigterm = true);
}
