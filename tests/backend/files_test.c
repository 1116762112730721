/*
 * Operations on files, with and without a disk behind them, on every backend.
 */
#include "backend/rig.h"
#include "base/libc.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

static struct rig_op rig_rw(enum eddyi_op_kind kind, int fd, const struct iovec *iov,
                            int64_t offset)
{
    struct rig_op o = {.op = {.kind = kind, .fd = fd, .complete = rig_completed}};

    o.op.rw.iov = iov;
    o.op.rw.n = 1;
    o.op.rw.offset = offset;
    return o;
}

static struct rig_op rig_path(enum eddyi_op_kind kind, const char *path, int flags, unsigned mode)
{
    struct rig_op o = {.op = {.kind = kind, .fd = AT_FDCWD, .complete = rig_completed}};

    o.op.file.path = path;
    o.op.file.flags = flags;
    o.op.file.mode = mode;
    return o;
}

static struct rig_op rig_call(int64_t (*fn)(void *arg), void *arg)
{
    struct rig_op o = {.op = {.kind = EDDYI_OP_CALL, .complete = rig_completed}};

    o.op.call.fn = fn;
    o.op.call.arg = arg;
    return o;
}

/* A file without a name. */
static int scratch(void)
{
    char name[] = "/tmp/eddy-test-XXXXXX";
    int fd = mkostemp(name, O_CLOEXEC);

    REQUIRE(fd >= 0);
    unlink(name);
    return fd;
}

static void writes_and_reads(struct eddyi_backend *b)
{
    int fd = scratch();
    char buf[16] = "";
    struct iovec out = {(void *)(uintptr_t) "contents", 8}, in = {buf, sizeof buf};
    struct rig_op write = rig_rw(EDDYI_OP_WRITE, fd, &out, 4),
                  read = rig_rw(EDDYI_OP_READ, fd, &in, 4),
                  end = rig_rw(EDDYI_OP_READ, fd, &in, 100),
                  at_position = rig_rw(EDDYI_OP_READ, fd, &in, -1),
                  sync = {.op = {.kind = EDDYI_OP_FSYNC, .fd = fd, .complete = rig_completed}};

    sync.op.fsync.data_only = true;
    EXPECT_EQ(rig_run(b, &write), 8);
    EXPECT_EQ(rig_run(b, &sync), 0);
    EXPECT_EQ(rig_run(b, &read), 8);
    EXPECT(memcmp(buf, "contents", 8) == 0);
    EXPECT_EQ(rig_run(b, &end), 0);
    EXPECT_EQ(rig_run(b, &at_position), 12);
    EXPECT(memcmp(buf, "\0\0\0\0contents", 12) == 0);
    close(fd);
    rig_close(b);
}

TEST_REAL(a_file_is_written_and_read_at_offsets_and_at_its_position)
{
    writes_and_reads(rig_open());
}

TEST_VIRTUAL(the_virtual_clock_reads_and_writes_files_too)
{
    writes_and_reads(rig_open_as(EDDY_BACKEND_VIRTUAL));
}

TEST_VIRTUAL(the_virtual_time_stands_still_for_files)
{
    struct eddyi_backend *b = rig_open_as(EDDY_BACKEND_VIRTUAL);
    int fd = scratch();
    char buf[8];
    struct iovec in = {buf, sizeof buf};
    struct rig_op read = rig_rw(EDDYI_OP_READ, fd, &in, 0);

    rig_submit(b, &read);
    while (read.refused == 0 && read.completions == 0)
        b->ops->wait(b, 10 * SECONDS);
    EXPECT_EQ(b->ops->now(b), 0);
    close(fd);
    rig_close(b);
}

TEST_REAL(names_are_made_looked_at_changed_and_removed)
{
    struct eddyi_backend *b = rig_open();
    char dir[] = "/tmp/eddy-test-XXXXXX", from[64], to[64], sub[64];
    struct statx st;

    REQUIRE(mkdtemp(dir) != NULL);
    snprintf(from, sizeof from, "%s/from", dir);
    snprintf(to, sizeof to, "%s/to", dir);
    snprintf(sub, sizeof sub, "%s/sub", dir);
    struct rig_op open = rig_path(EDDYI_OP_OPEN, from, O_CREAT | O_EXCL | O_WRONLY, 0640),
                  again = rig_path(EDDYI_OP_OPEN, from, O_CREAT | O_EXCL | O_WRONLY, 0640),
                  mkdir = rig_path(EDDYI_OP_MKDIR, sub, 0, 0700),
                  rmdir = rig_path(EDDYI_OP_UNLINK, sub, AT_REMOVEDIR, 0),
                  unlink_to = rig_path(EDDYI_OP_UNLINK, to, 0, 0),
                  rename = {.op = {.kind = EDDYI_OP_RENAME,
                                   .fd = AT_FDCWD,
                                   .complete = rig_completed}},
                  stat = {.op = {.kind = EDDYI_OP_STAT, .fd = AT_FDCWD, .complete = rig_completed}};
    int64_t fd = rig_run(b, &open);

    EXPECT(fd >= 0);
    EXPECT(fd < 0 || fcntl((int)fd, F_GETFD) == FD_CLOEXEC);
    if (fd >= 0)
        EXPECT_EQ(rig_run(b, &again), -EEXIST);
    EXPECT_EQ(rig_run(b, &mkdir), 0);
    rename.op.rename.from = from;
    rename.op.rename.to = to;
    EXPECT_EQ(rig_run(b, &rename), 0);
    stat.op.stat.path = to;
    stat.op.stat.flags = 0;
    stat.op.stat.ret = &st;
    if (EXPECT_EQ(rig_run(b, &stat), 0))
        EXPECT_EQ(st.stx_mode, S_IFREG | 0640);
    struct rig_op close_it = {
        .op = {.kind = EDDYI_OP_CLOSE, .fd = (int)fd, .complete = rig_completed}};
    if (fd >= 0 && rig_run(b, &close_it) < 0 && close_it.refused < 0)
        close((int)fd);
    EXPECT_EQ(rig_run(b, &unlink_to), 0);
    EXPECT_EQ(rig_run(b, &rmdir), 0);
    unlink(from);
    unlink(to);
    remove(sub);
    remove(dir);
    rig_close(b);
}

TEST_REAL(a_fifo_is_opened_without_a_process_at_the_other_end)
{
    struct eddyi_backend *b = rig_open();
    char dir[] = "/tmp/eddy-test-XXXXXX", path[64], buf[8];
    struct iovec in = {buf, sizeof buf}, out = {(void *)(uintptr_t) "word", 4};
    int64_t rd, wr;

    REQUIRE(mkdtemp(dir) != NULL);
    snprintf(path, sizeof path, "%s/fifo", dir);
    REQUIRE(mkfifo(path, 0600) == 0);
    struct rig_op no_reader = rig_path(EDDYI_OP_OPEN, path, O_WRONLY, 0),
                  reader = rig_path(EDDYI_OP_OPEN, path, O_RDONLY, 0),
                  writer = rig_path(EDDYI_OP_OPEN, path, O_WRONLY, 0);
    EXPECT_EQ(rig_run(b, &no_reader), -ENXIO);
    rd = rig_run(b, &reader);
    wr = rig_run(b, &writer);
    EXPECT(rd >= 0);
    EXPECT(wr >= 0);
    if (rd >= 0 && wr >= 0) {
        struct rig_op read = rig_rw(EDDYI_OP_READ, (int)rd, &in, -1),
                      write = rig_rw(EDDYI_OP_WRITE, (int)wr, &out, -1);

        rig_submit(b, &read);
        rig_settle(b);
        if (rig_run(b, &write) < 0)
            rig_cancel(b, &read);
        EXPECT_EQ(rig_finish(b, &read), 4);
    }
    if (rd >= 0)
        close((int)rd);
    if (wr >= 0)
        close((int)wr);
    unlink(path);
    rmdir(dir);
    rig_close(b);
}

TEST_REAL(writing_to_a_pipe_waits_for_room_and_is_never_a_signal)
{
    struct eddyi_backend *b = rig_open();
    static char block[1 << 20];
    struct iovec out = {block, sizeof block};
    int p[2];

    REQUIRE(pipe2(p, O_CLOEXEC) == 0); /* blocking */
    struct rig_op first = rig_rw(EDDYI_OP_WRITE, p[1], &out, -1), full = first, broken = first;
    EXPECT(rig_run(b, &first) > 0);
    rig_submit(b, &full);
    rig_settle(b);
    EXPECT_EQ(full.completions, 0);
    if (first.op.result > 0)
        EXPECT(read(p[0], block, 1 << 16) > 0);
    else
        rig_cancel(b, &full);
    EXPECT(rig_finish(b, &full) > 0);
    close(p[0]);
    EXPECT_EQ(rig_run(b, &broken), -EPIPE);
    close(p[1]);
    rig_close(b);
}

TEST_REAL(a_cancelled_read_of_a_pipe_takes_nothing)
{
    struct eddyi_backend *b = rig_open();
    char buf[8];
    struct iovec in = {buf, sizeof buf};
    int p[2];

    REQUIRE(pipe2(p, O_CLOEXEC) == 0);
    struct rig_op read_it = rig_rw(EDDYI_OP_READ, p[0], &in, -1);
    rig_submit(b, &read_it);
    rig_settle(b);
    rig_cancel(b, &read_it);
    EXPECT_EQ(rig_finish(b, &read_it), -ECANCELED);
    EXPECT_EQ(write(p[1], "x", 1), 1);
    EXPECT_EQ(read(p[0], buf, sizeof buf), 1);
    close(p[0]);
    close(p[1]);
    rig_close(b);
}

/* Blocks until told. */
static int64_t block(void *arg)
{
    char c;

    return read(*(int *)arg, &c, 1);
}

static int64_t answer(void *arg)
{
    return 42;
}

static void threads_run_calls(struct eddyi_backend *b)
{
    struct rig_op blocked[6], quick = rig_call(answer, NULL);
    int p[2];

    EXPECT_EQ(rig_run(b, &quick), 42);
    REQUIRE(pipe2(p, O_CLOEXEC) == 0);
    for (int i = 0; i < 6; i++) {
        blocked[i] = rig_call(block, &p[0]);
        rig_submit(b, &blocked[i]);
    }
    /* Four are running and cannot be stopped; what still waits for a thread can. A backend that
     * cannot wait any more would wait for them. */
    if (!test_tortured()) {
        rig_settle(b);
        rig_cancel(b, &blocked[5]);
        EXPECT_EQ(rig_finish(b, &blocked[5]), -ECANCELED);
    }
    EXPECT_EQ(write(p[1], "123456", 6), 6);
    for (int i = 0; i < 5; i++)
        EXPECT_EQ(rig_finish(b, &blocked[i]), 1);
    rig_finish(b, &blocked[5]);
    close(p[0]);
    close(p[1]);
    rig_close(b);
}

TEST_REAL(threads_run_calls_and_what_they_have_not_begun_can_be_cancelled)
{
    threads_run_calls(rig_open());
}

TEST_VIRTUAL(threads_of_the_virtual_clock_run_calls_too)
{
    threads_run_calls(rig_open_as(EDDY_BACKEND_VIRTUAL));
}

/* Counts how often it is made. */
static int64_t count(void *arg)
{
    return ++*(int *)arg;
}

static void a_refused_call_is_not_made(struct eddyi_backend *b)
{
    int made = 0, others = 0;
    struct rig_op refused = rig_call(count, &made), next = rig_call(count, &others),
                  last = rig_call(count, &others);

    eddyi_fault_only("pthread_create", EAGAIN);
    EXPECT_EQ(rig_run(b, &refused), -EAGAIN);
    eddyi_fault_clear();
    EXPECT_EQ(rig_run(b, &next), 1);
    EXPECT_EQ(rig_run(b, &last), 2);
    EXPECT_EQ(made, 0);
    EXPECT_EQ(refused.completions, 0);
    rig_close(b);
}

TEST_REAL(a_call_for_which_there_is_no_thread_is_not_made_later)
{
    a_refused_call_is_not_made(rig_open());
}

TEST_VIRTUAL(the_virtual_clock_does_not_make_a_refused_call_later)
{
    a_refused_call_is_not_made(rig_open_as(EDDY_BACKEND_VIRTUAL));
}

static struct rig_op rig_sendfile(int fd, int file, int64_t offset, size_t size)
{
    struct rig_op o = {.op = {.kind = EDDYI_OP_SENDFILE, .fd = fd, .complete = rig_completed}};

    o.op.sendfile.file = file;
    o.op.sendfile.offset = offset;
    o.op.sendfile.size = size;
    return o;
}

static void sends_a_file(struct eddyi_backend *b)
{
    char buf[16] = "";
    int s[2], file = scratch();

    pair_open(s);
    REQUIRE(write(file, "contents", 8) == 8);
    struct rig_op send = rig_sendfile(s[0], file, 3, 100), end = rig_sendfile(s[0], file, 8, 100),
                  no_file = rig_sendfile(s[0], s[1], 0, 100);

    EXPECT_EQ(rig_run(b, &send), 5);
    EXPECT_EQ(rig_run(b, &end), 0);
    EXPECT_EQ(rig_run(b, &no_file), -ESPIPE);
    EXPECT_EQ(recv(s[1], buf, sizeof buf, MSG_DONTWAIT), 5);
    EXPECT_STR(buf, "tents");
    EXPECT_EQ(lseek(file, 0, SEEK_CUR), 8);
    close(file);
    pair_close(s);
    rig_close(b);
}

TEST_REAL(a_file_is_sent_from_an_offset_on, .whole = true)
{
    sends_a_file(rig_open());
}

TEST_VIRTUAL(the_virtual_clock_sends_files_too, .whole = true)
{
    sends_a_file(rig_open_as(EDDY_BACKEND_VIRTUAL));
}

TEST_REAL(a_socket_without_room_takes_nothing_of_a_file_and_is_not_waited_for)
{
    struct eddyi_backend *b = rig_open();
    int s[2], file = scratch();
    struct rig_op send;

    pair_open(s);
    REQUIRE(ftruncate(file, 4 << 20) == 0);
    do
        send = rig_sendfile(s[0], file, 0, 4 << 20);
    while (rig_run(b, &send) > 0);
    EXPECT_EQ(send.op.result, -EAGAIN);
    close(file);
    pair_close(s);
    rig_close(b);
}

TEST_REAL(a_message_brings_a_descriptor_that_is_close_on_exec)
{
    struct eddyi_backend *b = rig_open();
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } room = {0}, came = {0};
    char buf[8];
    struct iovec out = {(void *)(uintptr_t) "fd", 2}, in = {buf, sizeof buf};
    struct msghdr send = {.msg_iov = &out,
                          .msg_iovlen = 1,
                          .msg_control = &room,
                          .msg_controllen = sizeof room},
                  recv = {.msg_iov = &in,
                          .msg_iovlen = 1,
                          .msg_control = &came,
                          .msg_controllen = sizeof came};
    struct cmsghdr *header = CMSG_FIRSTHDR(&send);
    int s[2], fd = -1;

    pair_open(s);
    *header = (struct cmsghdr){
        .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
    memcpy(CMSG_DATA(header), &s[0], sizeof(int));
    struct rig_op receive = {.op = {.kind = EDDYI_OP_RECVMSG,
                                    .fd = s[0],
                                    .complete = rig_completed}},
                  post = {.op = {.kind = EDDYI_OP_SENDMSG, .fd = s[1], .complete = rig_completed}};
    receive.op.message.msg = &recv;
    receive.op.message.flags = 0;
    post.op.message.msg = &send;
    post.op.message.flags = 0;
    rig_submit(b, &receive);
    rig_settle(b);
    if (rig_run(b, &post) < 0)
        rig_cancel(b, &receive);
    if (EXPECT_EQ(rig_finish(b, &receive), 2)) {
        memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&recv)), sizeof fd);
        EXPECT_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
        close(fd);
    }
    pair_close(s);
    rig_close(b);
}

static void *write_much(void *fd)
{
    static char much[1 << 20];

    return (void *)(intptr_t)eddyi_sys_pwritev(*(int *)fd, &(struct iovec){much, sizeof much}, 1,
                                               -1);
}

/* From now on the library blocks SIGPIPE for each write, as before Linux 6.18. */
static void refuse_nosignal(void)
{
    int p[2];

    REQUIRE(pipe2(p, O_CLOEXEC) == 0);
    eddyi_fault_nth("pwritev2", 1, EOPNOTSUPP);
    EXPECT(eddyi_sys_ready_writev(p[1], &(struct iovec){"x", 1}, 1) == 1 || test_tortured());
    EXPECT(eddyi_fault_hits() == 1 || test_tortured());
    eddyi_fault_clear();
    close(p[0]);
    close(p[1]);
}

/* The kernel returns what was written; it would still send SIGPIPE. */
static void write_to_a_reader_that_goes(void)
{
    pthread_t writer;
    void *written;
    int p[2];
    char c;

    REQUIRE(pipe2(p, O_CLOEXEC) == 0);
    REQUIRE(pthread_create(&writer, NULL, write_much, &p[1]) == 0);
    if (!test_tortured())
        EXPECT_EQ(read(p[0], &c, 1), 1);
    close(p[0]);
    pthread_join(writer, &written);
    EXPECT((intptr_t)written > 0 || test_tortured());
    close(p[1]);
}

TEST(a_reader_that_goes_in_the_midst_of_a_write_to_a_pipe_is_no_signal)
{
    write_to_a_reader_that_goes();
    refuse_nosignal();
    write_to_a_reader_that_goes();
}

static bool is_pending(int signal)
{
    sigset_t pending;

    sigpending(&pending);
    return sigismember(&pending, signal);
}

/* Writes to a pipe without a reader, @times. */
static void write_in_vain(int times)
{
    int p[2];

    REQUIRE(pipe2(p, O_CLOEXEC) == 0);
    close(p[0]);
    for (int i = 0; i < times; i++) {
        long n = eddyi_sys_ready_writev(p[1], &(struct iovec){"x", 1}, 1);

        EXPECT(n == -EPIPE || test_tortured());
    }
    close(p[1]);
}

static void keep_a_pending_sigpipe(void)
{
    sigset_t sigpipe;

    sigemptyset(&sigpipe);
    sigaddset(&sigpipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &sigpipe, NULL);
    write_in_vain(2);
    EXPECT(!is_pending(SIGPIPE));
    raise(SIGPIPE);
    write_in_vain(2);
    EXPECT(is_pending(SIGPIPE));
    EXPECT_EQ(sigtimedwait(&sigpipe, NULL, &(struct timespec){0}), SIGPIPE);
    pthread_sigmask(SIG_UNBLOCK, &sigpipe, NULL);
}

TEST(a_sigpipe_that_the_program_has_blocked_and_not_taken_stays_pending)
{
    keep_a_pending_sigpipe();
    refuse_nosignal();
    keep_a_pending_sigpipe();
}

static void leave_nothing_behind(void)
{
    sigset_t mask;
    int p[2];

    REQUIRE(pipe2(p, O_CLOEXEC) == 0);
    EXPECT(eddyi_sys_ready_writev(p[1], &(struct iovec){"x", 1}, 1) == 1 || test_tortured());
    write_in_vain(2);
    EXPECT(!is_pending(SIGPIPE));
    pthread_sigmask(SIG_BLOCK, NULL, &mask);
    EXPECT(!sigismember(&mask, SIGPIPE));
    close(p[0]);
    close(p[1]);
}

TEST(a_write_to_a_pipe_leaves_no_signal_and_no_mask_behind)
{
    leave_nothing_behind();
    refuse_nosignal();
    leave_nothing_behind();
}
