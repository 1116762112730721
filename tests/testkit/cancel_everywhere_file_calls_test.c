/*
 * Cancellation everywhere in each of the calls on files: what a call did is told, or it did
 * nothing; no descriptor is lost.
 */
#include "testkit/everywhere.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[32], file[48], other[48], inner[48], pattern[48];

static void begin(void *unused)
{
    strcpy(folder, "/dev/shm/eddy-test-XXXXXX"); /* where fsync costs nothing */
    REQUIRE(mkdtemp(folder) != NULL);
    snprintf(file, sizeof file, "%s/file", folder);
    snprintf(other, sizeof other, "%s/other", folder);
    snprintf(inner, sizeof inner, "%s/inner", folder);
    snprintf(pattern, sizeof pattern, "%s/t-XXXXXX", folder);
}

/* Nothing but what the calls are known to make. */
static int check(void *unused, const eddy_test_trial *trial)
{
    struct dirent *entry;
    int others = 0;
    DIR *d;

    unlink(file);
    unlink(other);
    rmdir(inner);
    d = opendir(folder);
    while (d && (entry = readdir(d))) {
        char path[320];

        if (entry->d_name[0] == '.')
            continue;
        others++;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        unlink(path);
    }
    if (d)
        closedir(d);
    rmdir(folder);
    return HOLDS(others == 0);
}

/* Closes what is open, cancelled or not; 0, or what went wrong. */
static int closing(int fd, int rc)
{
    (void)eddy_file_close(fd);
    return rc < 0 ? rc : 0;
}

static int move_bytes(int fd)
{
    struct iovec out[2] = {{(void *)(uintptr_t) "ab", 2}, {(void *)(uintptr_t) "cde", 3}};
    char buf[8];
    size_t written = 0;
    int rc;

    eddy_try((int)eddy_file_write(fd, "xy", 2, 0));
    eddy_try((int)eddy_file_writev(fd, out, 2, 2));
    rc = eddy_file_write_fully(fd, "rest", 4, 7, &written);
    if (rc < 0)
        return rc;
    eddy_try(HOLDS(written == 4));
    eddy_try(eddy_file_fsync(fd));
    eddy_try(eddy_file_fdatasync(fd));
    return (int)eddy_file_readv(fd, &(struct iovec){buf, sizeof buf}, 1, 0);
}

static eddy_async(use_bytes)
{
    int fd = eddy_file_open(file, O_RDWR | O_CREAT, 0600);

    return fd < 0 ? fd : closing(fd, move_bytes(fd));
}

static eddy_async(use_names)
{
    struct stat st;

    eddy_try(eddy_file_mkdir(inner, 0700));
    eddy_try(eddy_file_stat(inner, &st));
    eddy_try(HOLDS(S_ISDIR(st.st_mode)));
    eddy_try(eddy_file_rmdir(inner));
    eddy_try(eddy_file_write_all(file, "text", 4));
    eddy_try(eddy_file_rename(file, other));
    eddy_try(eddy_file_lstat(other, &st));
    eddy_try(HOLDS(st.st_size == 4));
    return eddy_file_unlink(other);
}

static eddy_async(use_whole_files)
{
    void *data = NULL;
    size_t size = 0;
    int in, out, rc;

    eddy_try(eddy_file_write_all(file, "text", 4));
    eddy_try(eddy_file_read_all(file, SIZE_MAX, &data, &size));
    eddy_file_free(data);
    eddy_try(HOLDS(size == 4));
    in = eddy_file_open(file, O_RDONLY, 0);
    if (in < 0)
        return in;
    out = eddy_file_open(other, O_WRONLY | O_CREAT, 0600);
    if (out < 0)
        return closing(in, out);
    rc = (int)eddy_file_copy(in, out, SIZE_MAX);
    rc = closing(out, rc);
    return closing(in, rc);
}

static eddy_async(use_temporary_files)
{
    int fd = eddy_file_open_temporary(folder);

    if (fd < 0)
        return fd;
    eddy_try(closing(fd, 0));
    fd = eddy_file_make_temporary(pattern);
    if (fd < 0)
        return fd;
    unlink(pattern);
    return closing(fd, eddy_sleep(0));
}

static eddy_async(use_directory)
{
    eddy_dir_entry entry;
    eddy_dir *d;
    int rc;

    eddy_try(eddy_file_write_all(file, "text", 4));
    eddy_try(eddy_dir_open(folder, &d));
    while ((rc = eddy_dir_next(d, &entry)) > 0)
        ;
    eddy_dir_close(d);
    return rc;
}

#define SCENARIO(name)                                                                             \
    static int name##_scenario(void *unused)                                                       \
    {                                                                                              \
        return run_alone(name());                                                                  \
    }
SCENARIO(use_bytes)
SCENARIO(use_names)
SCENARIO(use_whole_files)
SCENARIO(use_temporary_files)
SCENARIO(use_directory)

static void run(const char *name, int (*scenario)(void *unused), size_t suspensions)
{
    everywhere(&(eddy_test_scenario){name, scenario, .begin = begin, .check = check,
                                     .backends = EDDY_TEST_REAL, .task = name, .survives = true},
               suspensions);
}

TEST_VIRTUAL(moving_bytes_of_files_can_be_cancelled_everywhere)
{
    run("use_bytes", use_bytes_scenario, 8);
}

TEST_VIRTUAL(calls_on_the_names_of_files_can_be_cancelled_everywhere)
{
    run("use_names", use_names_scenario, 8);
}

TEST_VIRTUAL(calls_on_whole_files_can_be_cancelled_everywhere)
{
    run("use_whole_files", use_whole_files_scenario, 8);
}

TEST_VIRTUAL(making_temporary_files_can_be_cancelled_everywhere)
{
    run("use_temporary_files", use_temporary_files_scenario, 2);
}

TEST_VIRTUAL(reading_a_directory_can_be_cancelled_everywhere)
{
    run("use_directory", use_directory_scenario, 4);
}
