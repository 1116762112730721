/*
 * An echo server on State Threads, with one of its threads per connection. st-server PORT
 */
#include "peer.h"

#include <st.h>

enum { STACK = 32768 };

static void *serve(void *arg)
{
    st_netfd_t fd = arg;
    char *buf = malloc(PEER_BUFFER);
    ssize_t n;

    while ((n = st_read(fd, buf, PEER_BUFFER, ST_UTIME_NO_TIMEOUT)) > 0) {
        if (st_write(fd, buf, (size_t)n, ST_UTIME_NO_TIMEOUT) != n)
            break;
    }
    free(buf);
    st_netfd_close(fd);
    return NULL;
}

int main(int argc, char **argv)
{
    st_netfd_t listener, fd;

    st_set_eventsys(ST_EVENTSYS_ALT);
    if (st_init() < 0)
        return 1;
    listener = st_netfd_open_socket(peer_listen(argv[1], false));
    while ((fd = st_accept(listener, NULL, NULL, ST_UTIME_NO_TIMEOUT))) {
        peer_no_delay(st_netfd_fileno(fd));
        if (!st_thread_create(serve, fd, 0, STACK))
            st_netfd_close(fd);
    }
    perror("accept");
    return 1;
}
