/*
 * Servers on Unix sockets: the file, what stands in its way, and who may remove it (rule 170).
 */
#include "stream/servers.h"

#include "base/fault.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* A directory of the test's own, and a path in it. */
static struct place {
    char dir[32], path[48], other[64];
} place;

static void place_make(void)
{
    strcpy(place.dir, "/tmp/eddy-test-XXXXXX");
    REQUIRE(mkdtemp(place.dir) != NULL);
    snprintf(place.path, sizeof place.path, "%s/socket", place.dir);
    snprintf(place.other, sizeof place.other, "%s/other", place.dir);
}

static void place_remove(void)
{
    unlink(place.path);
    unlink(place.other);
    EXPECT_EQ(rmdir(place.dir), 0);
}

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

/* Talks to the server at @path. */
static int talk_at(const char *path)
{
    eddy_reader *reader;
    eddy_writer *writer;

    eddy_try(eddy_open_unix_connection(path, 0, &reader, &writer));
    eddy_writer_free_at_end(writer);
    return say(reader, writer, "hello");
}

/* Each of these returns a status, so that the place is removed whatever happens. */

static int serve_in_place_of_stale_file(void)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    eddy_server *server;

    strcpy(addr.sun_path, place.path);
    REQUIRE(fd >= 0 && bind(fd, (struct sockaddr *)&addr, sizeof addr) == 0);
    close(fd); /* the file stays behind */
    eddy_try(eddy_start_unix_server(echo, NULL, place.path, &server));
    eddy_server_free_at_end(server);
    EXPECT_EQ(eddy_server_port(server), 0);
    eddy_try(talk_at(place.path));
    eddy_server_close(server);
    EXPECT(!exists(place.path) || test_tortured());
    return eddy_server_wait_closed(server);
}

TEST_ASYNC_REAL(a_socket_file_left_behind_is_replaced)
{
    int rc;

    place_make();
    rc = serve_in_place_of_stale_file();
    place_remove();
    return rc;
}

TEST_ASYNC_REAL(a_file_that_is_no_socket_stays_where_it_is)
{
    eddy_server *server = NULL;
    int fd;

    place_make();
    fd = open(place.path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    REQUIRE(fd >= 0);
    close(fd);
    EXPECT_EQ(eddy_start_unix_server(echo, NULL, place.path, &server), -EADDRINUSE);
    EXPECT_IN(place.path, eddy_exception_message(eddy_error()));
    EXPECT(server == NULL);
    EXPECT(exists(place.path));
    place_remove();
    return 0;
}

static int replace_file_of_other_server(void)
{
    eddy_server *first, *second;

    eddy_try(eddy_start_unix_server(echo, NULL, place.path, &first));
    eddy_server_free_at_end(first);
    eddy_try(eddy_start_unix_server(echo, NULL, place.path, &second));
    eddy_server_free_at_end(second);
    eddy_server_close(first);
    EXPECT(exists(place.path)); /* it is the second's by now */
    eddy_try(talk_at(place.path));
    eddy_server_close(second);
    EXPECT(!exists(place.path) || test_tortured());
    return eddy_server_wait_closed(second);
}

TEST_ASYNC_REAL(a_server_removes_only_the_file_that_it_made)
{
    int rc;

    place_make();
    rc = replace_file_of_other_server();
    place_remove();
    return rc;
}

static int keep_file(void)
{
    eddy_server *server;

    eddy_try(eddy_start_unix_server(echo, NULL, place.path, &server, .no_cleanup_socket = true));
    eddy_server_free_at_end(server);
    eddy_server_close(server);
    EXPECT(exists(place.path));
    return eddy_server_wait_closed(server);
}

TEST_ASYNC_REAL(the_file_stays_if_that_is_wanted)
{
    int rc;

    place_make();
    rc = keep_file();
    place_remove();
    return rc;
}

static int set_mode(void)
{
    eddy_server *server;
    struct stat st;

    eddy_try(eddy_start_unix_server(echo, NULL, place.path, &server, .mode = 0620));
    eddy_server_free_at_end(server);
    EXPECT_EQ(stat(place.path, &st), 0);
    EXPECT_EQ(st.st_mode & 0777, 0620);
    eddy_server_close(server);
    return eddy_server_wait_closed(server);
}

TEST_ASYNC_REAL(the_file_has_the_permissions_that_were_asked_for)
{
    int rc;

    place_make();
    rc = set_mode();
    place_remove();
    return rc;
}

/* Changing the mode afterwards would leave a moment: here it cannot be changed. */
static int set_mode_at_once(void)
{
    eddy_server *server;
    struct stat st;
    int rc;

    eddyi_fault_nth("chmod", 2, EPERM);
    rc = eddy_start_unix_server(echo, NULL, place.path, &server, .mode = 0600);
    eddyi_fault_clear();
    eddy_try(rc);
    eddy_server_free_at_end(server);
    EXPECT_EQ(stat(place.path, &st), 0);
    EXPECT_EQ(st.st_mode & 07777, 0600);
    eddy_server_close(server);
    return eddy_server_wait_closed(server);
}

TEST_ASYNC_REAL(the_file_never_has_more_permissions_than_were_asked_for)
{
    mode_t before = umask(0);
    int rc;

    place_make();
    rc = set_mode_at_once();
    place_remove();
    umask(before);
    return rc;
}

static int set_wide_mode(void)
{
    eddy_server *server;
    struct stat st;

    eddy_try(eddy_start_unix_server(echo, NULL, place.path, &server, .mode = 0666));
    eddy_server_free_at_end(server);
    EXPECT_EQ(stat(place.path, &st), 0);
    EXPECT_EQ(st.st_mode & 07777, 0666);
    eddy_server_close(server);
    return eddy_server_wait_closed(server);
}

TEST_ASYNC_REAL(the_umask_takes_nothing_from_what_was_asked_for)
{
    mode_t before = umask(077);
    int rc;

    place_make();
    rc = set_wide_mode();
    place_remove();
    umask(before);
    return rc;
}

/*
 * Serves at a path that is relative to the place, and goes elsewhere, where a socket has the same
 * name.
 */
static int serve_and_move(const char *home)
{
    eddy_server *server, *other;

    EXPECT_EQ(chdir(place.dir), 0);
    eddy_try(eddy_start_unix_server(echo, NULL, "socket", &server));
    eddy_server_free_at_end(server);
    EXPECT_EQ(mkdir("elsewhere", 0700), 0);
    EXPECT_EQ(chdir("elsewhere"), 0);
    eddy_try(eddy_start_unix_server(echo, NULL, "socket", &other));
    eddy_server_free_at_end(other);
    EXPECT_EQ(chdir(home), 0);
    eddy_try(talk_at(place.path));
    eddy_server_close(server);
    EXPECT(!exists(place.path) || test_tortured());
    EXPECT(exists(place.other));
    eddy_server_close(other);
    EXPECT(!exists(place.other) || test_tortured());
    return eddy_server_wait_closed(server);
}

TEST_ASYNC_REAL(a_server_removes_its_file_wherever_the_program_went)
{
    char home[1000], elsewhere[64];
    int rc;

    place_make();
    snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", place.dir);
    snprintf(place.other, sizeof place.other, "%s/elsewhere/socket", place.dir);
    REQUIRE(getcwd(home, sizeof home) != NULL);
    rc = serve_and_move(home);
    REQUIRE(chdir(home) == 0);
    unlink(place.other);
    rmdir(elsewhere);
    place_remove();
    return rc;
}

TEST_ASYNC_REAL(an_abstract_socket_needs_no_file)
{
    eddy_server *server, *other = NULL;
    char name[48];

    snprintf(name, sizeof name, "@eddy-test-%d", (int)getpid());
    eddy_try(eddy_start_unix_server(echo, NULL, name, &server));
    eddy_server_free_at_end(server);
    EXPECT_EQ(eddy_start_unix_server(echo, NULL, name, &other), -EADDRINUSE);
    EXPECT(other == NULL);
    eddy_try(talk_at(name));
    eddy_server_close(server);
    EXPECT_EQ(eddy_server_wait_closed(server), 0);
    EXPECT_EQ(talk_at(name), -ECONNREFUSED);
    return 0;
}

TEST_ASYNC_REAL(paths_that_cannot_be_are_refused)
{
    char path[200];
    eddy_server *server = NULL;
    eddy_reader *reader;
    eddy_writer *writer;

    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = 0;
    EXPECT_EQ(eddy_start_unix_server(echo, NULL, path, &server), -ENAMETOOLONG);
    EXPECT_EQ(eddy_open_unix_connection(path, 0, &reader, &writer), -ENAMETOOLONG);
    EXPECT_EQ(eddy_start_unix_server(echo, NULL, "/nowhere/at/all", &server), -ENOENT);
    EXPECT_EQ(eddy_open_unix_connection("/nowhere/at/all", 0, &reader, &writer), -ENOENT);
    EXPECT(server == NULL);
    return 0;
}
