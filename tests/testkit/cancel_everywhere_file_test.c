/*
 * Cancellation everywhere in files and messages, on each real backend: no descriptor is lost, a file that is replaced is the old one or the
 * new one, and no message vanishes.
 */
#include "testkit/everywhere.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
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

/* What the file holds; nothing else is in the folder. */
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
    return HOLDS(n > 0 && alone && (strcmp(text, "newer") == 0 || (trial->task && strcmp(text, "old") == 0)));
}

TEST_VIRTUAL(a_file_is_the_old_one_or_the_new_one_wherever_its_replacement_is_cancelled)
{
    everywhere(&(eddy_test_scenario){"files", replace_scenario, .begin = begin_files, .check = replace_check,
                                     .backends = EDDY_TEST_REAL, .task = "replace_file"},
               4);
}

/* Messages: each that was sent is received, or still there. */

enum { MESSAGES = 4 };

static struct {
    int fds[2], sent, received;
} talk;

static void begin_messages(void *unused)
{
    talk.sent = talk.received = 0;
    REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, talk.fds) == 0);
}

static eddy_async(receive_messages)
{
    char buf[8];

    while (talk.received < MESSAGES) {
        struct iovec iov = {buf, sizeof buf};
        struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
        ssize_t n = eddy_sock_recvmsg(talk.fds[0], &message, 0);

        if (n < 0)
            return (int)n;
        talk.received++;
    }
    return 0;
}

static eddy_async(send_messages)
{
    while (talk.sent < MESSAGES) {
        struct iovec iov = {"x", 1};
        struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};

        eddy_try(eddy_sleep(0));
        eddy_try((int)eddy_sock_sendmsg(talk.fds[1], &message, 0));
        talk.sent++;
    }
    return 0;
}

static int message_scenario(void *unused)
{
    eddy_task *tasks[2] = {eddy_create_task(receive_messages()), eddy_create_task(send_messages())};

    return join(tasks, 2);
}

static int message_check(void *unused, const eddy_test_trial *trial)
{
    char buf[8];
    int rest = 0;

    while (recv(talk.fds[0], buf, sizeof buf, MSG_DONTWAIT) > 0)
        rest++;
    close(talk.fds[0]);
    close(talk.fds[1]);
    return HOLDS(talk.sent == talk.received + rest);
}

TEST_VIRTUAL(no_message_is_lost_wherever_a_receiver_is_cancelled)
{
    everywhere(&(eddy_test_scenario){"messages", message_scenario, .begin = begin_messages,
                                     .check = message_check, .backends = EDDY_TEST_REAL,
                                     .task = "receive_messages"},
               2);
}

/* A file that goes through a socket: what is said to have gone out was received, or is still there. */

enum { FILE_SIZE = 400000 };

static struct {
    int fds[2], file;
    int64_t sent;
    size_t received;
} way;

static void begin_sending(void *unused)
{
    way.sent = 0;
    way.received = 0;
    way.file = memfd_create("eddy-test", MFD_CLOEXEC);
    REQUIRE(way.file >= 0 && ftruncate(way.file, FILE_SIZE) == 0);
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, way.fds) == 0);
}

static eddy_async(send_file)
{
    int rc = eddy_sock_sendfile(way.fds[1], way.file, 0, -1, &way.sent);

    shutdown(way.fds[1], SHUT_WR);
    return rc;
}

static eddy_async(receive_file)
{
    static char buf[65536];
    ssize_t n;

    while ((n = eddy_sock_recv(way.fds[0], buf, sizeof buf)) > 0)
        way.received += (size_t)n;
    return (int)n;
}

/* A sender that never began has not ended its side either. */
static int sending_scenario(void *unused)
{
    eddy_task *sender = eddy_create_task(send_file()), *receiver = eddy_create_task(receive_file());
    int rc = join(&sender, 1);

    shutdown(way.fds[1], SHUT_WR);
    return rc < 0 ? rc : join(&receiver, 1);
}

static int sending_check(void *unused, const eddy_test_trial *trial)
{
    close(way.file);
    close(way.fds[0]);
    close(way.fds[1]);
    return trial->task ? HOLDS(way.received == (size_t)way.sent) : HOLDS(way.received == FILE_SIZE);
}

TEST_VIRTUAL(sendfile_knows_what_it_has_sent_wherever_it_is_cancelled)
{
    everywhere(&(eddy_test_scenario){"sendfile", sending_scenario, .begin = begin_sending,
                                     .check = sending_check, .backends = EDDY_TEST_REAL, .task = "send_file"},
               1);
}
