/*
 * A Redis client: the commands of many tasks on one connection, and a subscriber that reconnects.
 * hiredis writes the commands and parses the replies.
 *
 *     build/bin/redis-client localhost:6379 run SET sum 1 : INCRBY sum 41 : GET sum
 *     build/bin/redis-client localhost:6379 subscribe news
 *
 * Redis replies in the order of the commands. So a command does not wait for the replies to the
 * commands before it: its task sends it, leaves a future in a queue, and awaits the future; one
 * task reads all replies, and gives each to the first future of the queue.
 */
#include "command.h"

#include <hiredis/hiredis.h>

static const char help[] =
    "usage: redis-client SERVER run COMMAND [: COMMAND]...\n"
    "       redis-client SERVER subscribe CHANNEL\n\n"
    "SERVER is HOST:PORT, or the path of a Unix socket. `run` sends all commands at once, and\n"
    "prints the replies. `subscribe` prints the number of subscriptions, then the messages; it\n"
    "reconnects when the server has gone.\n";

struct redis {
    eddy_reader *reader;
    eddy_writer *writer;
    redisReader *parser;
    eddy_queue waiting; /* of futures, one for each command without a reply */
};

enum { LIMIT = 10 };       /* seconds for a reply */
#define SHORTEST_PAUSE 0.1 /* seconds before it connects again */
static bool failed;

/* Closes a connection, also one that was never opened. */
static void redis_close(struct redis *r)
{
    eddy_future *f;

    while (eddy_queue_get_nowait(&r->waiting, &f) == 0)
        eddy_unref(f);
    eddy_writer_free(r->writer);
    redisReaderFree(r->parser);
    eddy_queue_fini(&r->waiting);
}

static int redis_open(struct redis *r, const char *server)
{
    char host[256];
    int port;

    eddy_queue_init(&r->waiting, 0);
    r->parser = redisReaderCreate();
    if (!r->parser)
        return -ENOMEM;
    if (server[0] == '/')
        return eddy_open_unix_connection(server, 0, &r->reader, &r->writer);
    if (sscanf(server, "%255[^:]:%d", host, &port) != 2)
        return eddy_raise(-EINVAL, "%s is neither HOST:PORT nor a path", server);
    return eddy_open_connection(host, port, &r->reader, &r->writer);
}

static int redis_send(struct redis *r, int n, const char **words)
{
    char *text;
    int rc, size = redisFormatCommandArgv(&text, n, words, NULL);

    if (size < 0)
        return -ENOMEM;
    rc = eddy_writer_write(r->writer, text, (size_t)size);
    redisFreeCommand(text);
    return rc;
}

/* Reads the next reply; the caller owns *ret. */
static int redis_receive(struct redis *r, redisReply **ret)
{
    const char *data;
    ssize_t n;

    for (;;) {
        if (redisReaderGetReply(r->parser, (void **)ret) != REDIS_OK)
            return eddy_raise(-EPROTO, "%s", r->parser->errstr);
        if (*ret)
            return 0;
        n = eddy_reader_read_some(r->reader, 65536, &data);
        if (n <= 0)
            return n < 0 ? (int)n : eddy_raise(-ECONNRESET, "the server closed the connection");
        redisReaderFeed(r->parser, data, (size_t)n);
    }
}

/* Gives the replies to the futures, until the connection breaks. */
static eddy_async(pass_replies, (struct redis *, r))
{
    for (;;) {
        redisReply *reply;
        eddy_future *f = NULL;

        eddy_try(redis_receive(r, &reply));
        if (eddy_queue_get_nowait(&r->waiting, &f) < 0 || eddy_future_set_value(f, reply) < 0)
            freeReplyObject(reply); /* no command waits for it any more */
        eddy_unref(f);
    }
}

/* Sends a command and waits for its reply; the caller owns *ret. */
static int redis_command(struct redis *r, int n, const char **words, redisReply **ret)
{
    eddy_future *f = eddy_create_future();
    int rc = eddy_queue_put_nowait(&r->waiting, eddy_ref(f));

    if (rc < 0) {
        eddy_unref(f);
    } else if ((rc = redis_send(r, n, words)) == 0) {
        rc = eddy_await_value(eddy_ref(f), ret);
        if (rc < 0 && eddy_future_result_value(f, ret) == 0)
            freeReplyObject(*ret); /* it came together with the cancellation */
    }
    eddy_unref(f);
    return rc;
}

static void print(const redisReply *reply)
{
    failed |= reply->type == REDIS_REPLY_ERROR;
    if (reply->type == REDIS_REPLY_ARRAY) {
        for (size_t i = 0; i < reply->elements; i++)
            print(reply->element[i]);
    } else if (reply->type == REDIS_REPLY_INTEGER) {
        printf("%lld\n", reply->integer);
    } else {
        printf("%s\n", reply->type == REDIS_REPLY_NIL ? "(nil)" : reply->str);
    }
}

/* Fails only if it is cancelled: the failure of one command shall not cancel the others. */
static eddy_async(run_command, (struct redis *, r), (int, n), (const char **, words))
{
    redisReply *reply;
    int rc = eddy_within(LIMIT, redis_command(r, n, words, &reply));

    if (rc == 0) {
        print(reply);
        freeReplyObject(reply);
    } else if (rc != -ECANCELED) {
        eddy_perror(words[0]);
        failed = true;
    }
    return rc == -ECANCELED ? rc : 0;
}

/* Runs all commands; if the connection breaks, the task that reads it fails, and with it all. */
static eddy_async(run, (const char *, server), (int, n), (const char **, words))
{
    EDDY_CLEANUP(redis_close) struct redis r = {0};
    eddy_group connection, commands;

    eddy_try(redis_open(&r, server));
    eddy_group_enter(&connection);
    eddy_group_create_task(&connection, pass_replies(&r));
    eddy_group_enter(&commands);
    for (int i = 0, end; i < n; i = end + 1) {
        for (end = i; end < n && strcmp(words[end], ":") != 0; end++)
            continue;
        if (end > i)
            eddy_group_create_task(&commands, run_command(&r, end - i, words + i));
    }
    int rc = eddy_group_exit(&commands, 0);
    eddy_group_cancel(&connection);
    return eddy_group_exit(&connection, rc);
}

/* Prints the messages of @channel until the connection breaks. Sets *pause once it is open. */
static int listen_to(const char *server, const char *channel, double *pause)
{
    EDDY_CLEANUP(redis_close) struct redis r = {0};
    redisReply *m;

    eddy_try(redis_open(&r, server));
    eddy_try(redis_send(&r, 2, (const char *[]){"SUBSCRIBE", channel}));
    for (;;) {
        eddy_try(redis_receive(&r, &m));
        *pause = SHORTEST_PAUSE;
        if (m->type == REDIS_REPLY_ARRAY && m->elements == 3) /* what, channel, contents */
            print(m->element[2]);
        freeReplyObject(m);
    }
}

static eddy_async(subscribe, (const char *, server), (const char *, channel))
{
    double pause = SHORTEST_PAUSE;

    for (;;) {
        int rc = listen_to(server, channel, &pause);

        if (rc == -ECANCELED)
            return rc;
        eddy_perror("trying again");
        eddy_try(eddy_sleep(pause));
        pause = pause < 5 ? pause * 2 : 5;
    }
}

int main(int argc, char **argv)
{
    int rc;

    if (command_is_answered(argc, argv, help))
        return 0;
    setlinebuf(stdout);
    if (argc > 3 && strcmp(argv[2], "run") == 0)
        rc = eddy_main(run(argv[1], argc - 3, (const char **)argv + 3), .sigterm = true);
    else if (argc == 4 && strcmp(argv[2], "subscribe") == 0)
        rc = eddy_main(subscribe(argv[1], argv[3]), .sigterm = true);
    else
        rc = command_refuse(help);
    return rc ? rc : failed;
}
