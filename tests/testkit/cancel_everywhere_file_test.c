/*
 * Cancellation everywhere in files, on each real backend: no descriptor is lost, and a file that is
 * replaced is the old one or the new one.
 */
#include "testkit/everywhere.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* A folder with one file, which is read, replaced, and copied to another descriptor. */
static struct {
    char folder[32], path[48];
} place;

static void begin_files(void *unused)
{
    int fd;

    strcpy(place.folder, "/tmp/eddy-test-XXXXXX");
    REQUIRE(mkdtemp(place.folder) != NULL);
    snprintf(place.path, sizeof place.path, "%s/file", place.folder);
    fd = open(place.path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    REQUIRE(fd >= 0 && write(fd, "old", 3) == 3);
    close(fd);
}

static eddy_async(replace_file)
{
    struct stat st;
    char buf[8];
    int fd, rc;

    fd = eddy_file_open(place.path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    rc = eddy_file_fstat(fd, &st);
    if (rc == 0)
        rc = (int)eddy_file_read(fd, buf, sizeof buf, 0);
    if (rc >= 0)
        rc = eddy_file_replace(place.path, "newer", 5);
    (void)eddy_file_close(fd);
    return rc < 0 ? rc : 0;
}

static int replace_scenario(void *unused)
{
    eddy_task *tasks[1] = {eddy_create_task(replace_file())};

    return join(tasks, 1);
}

/* Checks the content of the file, and that the folder holds nothing else. */
static int replace_check(void *unused, const eddy_test_trial *trial)
{
    char text[8] = "";
    int fd = open(place.path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    bool alone;

    if (fd >= 0)
        close(fd);
    unlink(place.path);
    alone = rmdir(place.folder) == 0;
    return HOLDS(n > 0 && alone &&
                 (strcmp(text, "newer") == 0 || (trial->task && strcmp(text, "old") == 0)));
}

TEST_VIRTUAL(a_file_is_the_old_one_or_the_new_one_wherever_its_replacement_is_cancelled)
{
    everywhere(&(eddy_test_scenario){"files", replace_scenario, .begin = begin_files,
                                     .check = replace_check, .backends = EDDY_TEST_REAL,
                                     .task = "replace_file"},
               4);
}
