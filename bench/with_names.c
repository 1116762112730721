/*
 * with-names COMMAND…: runs a command in a network of its own, with a name server on its loopback
 * interface that knows the names of system.h. Nothing outside is changed: resolv.conf and
 * nsswitch.conf are covered in a mount namespace only. The server ends when the command does.
 */
#include "system.h"

#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>

enum { HEADER = 12, MESSAGE = 512, RECEIVE_BUFFER = 32 << 20 };

static void give_up(const char *what)
{
    fprintf(stderr, "with-names: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    if (!f || fputs(text, f) < 0 || fclose(f) != 0)
        give_up(path);
}

/* Gives this process namespaces of its own, as root, or as the only user of a user namespace. */
static void unshare_all(void)
{
    char map[64];

    if (unshare(CLONE_NEWNS | CLONE_NEWNET) == 0)
        return;
    snprintf(map, sizeof map, "0 %d 1\n", (int)getuid());
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET) < 0)
        give_up("unshare");
    write_file("/proc/self/uid_map", map);
}

static void cover(const char *path, const char *text)
{
    char with[] = "/tmp/with-names-XXXXXX";
    int fd = mkstemp(with);

    if (fd < 0)
        give_up(with);
    fchmod(fd, 0644);
    close(fd);
    write_file(with, text);
    if (mount(with, path, NULL, MS_BIND, NULL) < 0)
        give_up(path);
    unlink(with);
}

static void start_loopback(void)
{
    struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo) < 0)
        give_up("lo");
    close(fd);
}

static int bind_server(void)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(53), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), size = RECEIVE_BUFFER;

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0)
        give_up("bind");
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    return fd;
}

/* Turns the question of @n bytes in @m into its answer: one address for a question of type A about
 * a name "h<number>.…", none for any other. Returns the answer's size, or 0. */
static size_t answer(unsigned char *m, size_t n)
{
    size_t end = HEADER;
    uint32_t address;

    while (end < n && m[end] != 0)
        end += m[end] + 1u;
    end += 5; /* the root's label, type and class */
    if (end > n || end + 16 > MESSAGE)
        return 0;
    m[2] |= 0x80; /* an answer */
    m[3] = 0x80;  /* recursion available, no error */
    memset(m + 6, 0, 6);
    if (m[end - 3] != 1)
        return end;
    m[7] = 1;
    address = htonl(name_address(strtol((char *)m + HEADER + 2, NULL, 10)));
    memcpy(m + end, "\xc0\x0c\0\1\0\1\0\0\0\0\0\4", 12); /* of that name, A, IN, TTL 0, 4 bytes */
    memcpy(m + end + 12, &address, 4);
    return end + 16;
}

static void serve(int fd)
{
    unsigned char message[MESSAGE];

    for (;;) {
        struct sockaddr_in from;
        socklen_t size = sizeof from;
        ssize_t n = recvfrom(fd, message, sizeof message, 0, (struct sockaddr *)&from, &size);

        if (n > HEADER && (n = (ssize_t)answer(message, (size_t)n)) > 0)
            sendto(fd, message, (size_t)n, 0, (struct sockaddr *)&from, size);
    }
}

int main(int argc, char **argv)
{
    pid_t command = getpid();
    int fd;

    if (argc < 2) {
        fprintf(stderr, "usage: with-names COMMAND…\n");
        return 2;
    }
    unshare_all();
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        give_up("mount");
    cover("/etc/resolv.conf", "nameserver 127.0.0.1\n");
    cover("/etc/nsswitch.conf", "hosts: files dns\n");
    start_loopback();
    fd = bind_server();
    switch (fork()) {
    case -1:
        give_up("fork");
        break;
    case 0:
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() == command)
            serve(fd);
        return 0;
    default:
        execvp(argv[1], argv + 1);
        give_up(argv[1]);
    }
    return 1;
}
