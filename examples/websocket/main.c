/*
 * A WebSocket server that sends each message back. wslay makes and parses the frames.
 *
 *     build/bin/websocket-echo 9001
 *
 * wslay calls a function to receive bytes until that says that there are no more, so it gets those
 * that the task has read before, and may not wait; its function to send may. A client that does not
 * read its messages stops only its own task, which then reads no more from it: memory is bounded.
 */
#include "command.h"
#include "http.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <strings.h>
#include <wslay/wslay.h>

static const char help[] = "usage: websocket-echo PORT\n\n"
                           "Serves on localhost, on a free port if PORT is 0. SIGTERM ends it: "
                           "clients are told that it is\n"
                           "going away.\n";

#define UPGRADE "Upgrade: websocket\r\n"

struct client {
    eddy_writer *writer;
    const char *data; /* n bytes that wslay has not taken yet */
    size_t n;
};

static ssize_t receive_bytes(wslay_event_context_ptr ws, uint8_t *buf, size_t size, int flags,
                             void *arg)
{
    struct client *c = arg;

    if (c->n == 0) {
        wslay_event_set_error(ws, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    size = size < c->n ? size : c->n;
    memcpy(buf, c->data, size);
    c->data += size;
    c->n -= size;
    return (ssize_t)size;
}

static ssize_t send_bytes(wslay_event_context_ptr ws, const uint8_t *data, size_t n, int flags,
                          void *arg)
{
    struct client *c = arg;

    if (eddy_writer_write(c->writer, data, n) == 0)
        return (ssize_t)n;
    wslay_event_set_error(ws, WSLAY_ERR_CALLBACK_FAILURE);
    return -1;
}

static void echo(wslay_event_context_ptr ws, const struct wslay_event_on_msg_recv_arg *m, void *arg)
{
    if (!wslay_is_ctrl_frame(m->opcode))
        wslay_event_queue_msg(ws, &(struct wslay_event_msg){m->opcode, m->msg, m->msg_length});
}

/* Reads the client's request and accepts it, or not. Returns 1 or 0; or an error of the stream. */
static int shake_hands(eddy_reader *reader, eddy_writer *writer)
{
    unsigned char digest[SHA_DIGEST_LENGTH], accept[2 * SHA_DIGEST_LENGTH];
    struct http_request q;
    char key[64];
    int rc = http_read_request(reader, &q);

    if (rc <= 0)
        return rc;
    q.keep_alive = rc == 1 && q.get && q.upgrade && strcasecmp(q.upgrade_to, "websocket") == 0 &&
                   strcmp(q.sec_websocket_version, "13") == 0 && strlen(q.sec_websocket_key) == 24;
    if (!q.keep_alive)
        return http_send_text(writer, &q, rc == 1 ? 426 : rc,
                              UPGRADE "Sec-WebSocket-Version: 13\r\n", "");
    snprintf(key, sizeof key, "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", q.sec_websocket_key);
    SHA1((unsigned char *)key, strlen(key), digest);
    EVP_EncodeBlock(accept, digest, sizeof digest);
    rc = http_send_head(writer, &q, 101,
                        UPGRADE "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n", accept);
    return rc < 0 ? rc : 1;
}

/* Answers until the client ends. If it is silent for too long, or the server ends, says so. */
static int serve(eddy_reader *reader, eddy_writer *writer, void *arg)
{
    static const struct wslay_event_callbacks callbacks = {
        .recv_callback = receive_bytes, .send_callback = send_bytes, .on_msg_recv_callback = echo};
    struct client c = {.writer = writer};
    wslay_event_context_ptr ws;
    bool ending = false;
    int rc = shake_hands(reader, writer);

    if (rc <= 0)
        return rc;
    if (wslay_event_context_server_init(&ws, &callbacks, &c) != 0)
        return -ENOMEM;
    wslay_event_config_set_max_recv_msg_length(ws, 1 << 20); /* bytes */
    while (wslay_event_want_read(ws) || wslay_event_want_write(ws)) {
        if (!ending && eddy_connection_next_request(reader) <= 0) {
            ending = true;
            wslay_event_queue_close(ws, WSLAY_CODE_GOING_AWAY, NULL, 0);
        } else {
            ssize_t n = eddy_reader_read_some(reader, 65536, &c.data);

            if (n <= 0)
                break;
            c.n = (size_t)n;
        }
        if (wslay_event_recv(ws) < 0 || wslay_event_send(ws) < 0)
            break;
    }
    wslay_event_context_free(ws);
    return 0;
}

static eddy_async(amain, (int, port))
{
    eddy_server *server;

    eddy_try(eddy_start_server(serve, NULL, "localhost", port, &server, .limit = HTTP_MAX_HEAD,
                               .max_connections = 1000, .read_timeout = 60, .write_timeout = 60,
                               .grace = 10));
    eddy_server_free_at_end(server);
    fprintf(stderr, "port %d\n", eddy_server_port(server));
    return eddy_server_serve_forever(server);
}

int main(int argc, char **argv)
{
    if (command_is_answered(argc, argv, help))
        return 0;
    if (argc != 2)
        return command_refuse(help);
    return eddy_main(amain(atoi(argv[1])), .sigterm = true);
}
