/*
 * Messages over a stream: each is sent as its length, in four bytes, followed by its bytes.
 * Contains a server that answers each message with its letters reversed, and a client.
 */
#include <arpa/inet.h>
#include <eddy.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST = 1 << 20 };

/* Sends one message. No other writer's bytes can come between its two pieces. */
static int send_message(eddy_writer *w, const void *data, size_t size)
{
    uint32_t length = htonl((uint32_t)size);
    struct iovec pieces[] = {{&length, sizeof length}, {(void *)(uintptr_t)data, size}};

    return eddy_writer_writelines(w, pieces, 2);
}

/*
 * Receives one message; the caller owns *ret, and frees it with free(). Returns its length, or 0 at
 * the end of the stream between two messages.
 */
static ssize_t receive_message(eddy_reader *r, char **ret)
{
    uint32_t length;
    ssize_t n = eddy_reader_readexactly(r, &length, sizeof length);
    const char *piece;

    if (n == EDDY_EINCOMPLETE && eddy_reader_partial(r, &piece) == 0)
        return 0;
    if (n < 0)
        return n;
    length = ntohl(length);
    if (length > LONGEST)
        return eddy_raise(-EMSGSIZE, "a message of %u bytes", length);
    *ret = malloc(length + 1);
    if (!*ret)
        return -ENOMEM;
    n = eddy_reader_readexactly(r, *ret, length);
    if (n < 0)
        free(*ret);
    return n;
}

static int answer(eddy_reader *reader, eddy_writer *writer, void *arg)
{
    char *message;
    ssize_t n;

    while ((n = receive_message(reader, &message)) > 0) {
        for (ssize_t i = 0; i < n / 2; i++) {
            char c = message[i];

            message[i] = message[n - 1 - i];
            message[n - 1 - i] = c;
        }
        n = send_message(writer, message, (size_t)n);
        free(message);
        eddy_try((int)n);
    }
    return (int)n;
}

static int ask(eddy_reader *reader, eddy_writer *writer, const char *question)
{
    char *answer;
    ssize_t n;

    eddy_try(send_message(writer, question, strlen(question)));
    n = receive_message(reader, &answer);
    eddy_try((int)n);
    printf("%s: %.*s\n", question, (int)n, answer);
    free(answer);
    return 0;
}

eddy_async(amain)
{
    eddy_reader *reader;
    eddy_writer *writer;
    eddy_server *server;

    eddy_try(eddy_start_server(answer, NULL, "127.0.0.1", 0, &server, .read_timeout = 60,
                               .write_timeout = 60, .grace = 10));
    eddy_server_free_at_end(server);
    eddy_try(eddy_open_connection("127.0.0.1", eddy_server_port(server), &reader, &writer,
                                  .read_timeout = 60, .write_timeout = 60));
    eddy_writer_free_at_end(writer);
    eddy_try(ask(reader, writer, "level"));
    eddy_try(ask(reader, writer, "stressed"));
    return ask(reader, writer, "live on time");
}

int main(void)
{
    return eddy_main(amain());
}
