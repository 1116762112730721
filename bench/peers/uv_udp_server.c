/*
 * An echo server for datagrams on libuv, which receives in batches. uv-udp-server PORT
 */
#include "peer.h"

#include <uv.h>

enum { BATCH = 20, ROOM = 65536 /* what libuv gives each datagram of a batch */ };

static char rooms[BATCH * ROOM];

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
    *ret = uv_buf_init(rooms, sizeof rooms);
}

static void on_received(uv_udp_t *udp, ssize_t n, const uv_buf_t *data, const struct sockaddr *addr,
                        unsigned flags)
{
    uv_buf_t b = uv_buf_init(data->base, n > 0 ? (unsigned)n : 0);

    if (n >= 0 && addr)
        uv_udp_try_send(udp, &b, 1, addr);
}

int main(int argc, char **argv)
{
    uv_loop_t *loop = uv_default_loop();
    struct sockaddr_in address;
    uv_udp_t udp;

    uv_ip4_addr("0.0.0.0", atoi(argv[1]), &address);
    uv_udp_init_ex(loop, &udp, AF_INET | UV_UDP_RECVMMSG);
    if (uv_udp_bind(&udp, (struct sockaddr *)&address, 0) < 0 ||
        uv_udp_recv_start(&udp, on_alloc, on_received) < 0)
        return 1;
    return uv_run(loop, UV_RUN_DEFAULT);
}
