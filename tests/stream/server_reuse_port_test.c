/*
 * Several servers on one port, each on the loop of a thread of its own: the kernel spreads
 * connections over them.
 */
#include "stream/servers.h"

#include <pthread.h>
#include <semaphore.h>

enum { SERVERS = 2, CONNECTIONS = 64 };

static struct in_thread {
    pthread_t thread;
    sem_t ready;
    eddy_loop *loop;
    eddy_server *server;
    int port;
    int handled;
    int status;
} threads[SERVERS];

static int count(eddy_reader *reader, eddy_writer *writer, void *arg)
{
    ((struct in_thread *)arg)->handled++;
    return echo(reader, writer, NULL);
}

static eddy_async(serve, (struct in_thread *, t), (int, port))
{
    int rc = eddy_start_server(count, t, "127.0.0.1", port, &t->server, .reuse_port = true);

    t->loop = eddy_get_running_loop();
    t->port = rc == 0 ? eddy_server_port(t->server) : 0;
    sem_post(&t->ready);
    eddy_try(rc);
    rc = eddy_server_wait_closed(t->server);
    eddy_server_free(t->server);
    return rc;
}

static void *run(void *arg)
{
    struct in_thread *t = arg;

    t->status = test_run_real(serve(t, t->port));
    return NULL;
}

static int start(struct in_thread *t, int port)
{
    sem_init(&t->ready, 0, 0);
    t->port = port;
    REQUIRE(pthread_create(&t->thread, NULL, run, t) == 0);
    while (sem_wait(&t->ready) < 0)
        ;
    return t->port;
}

static void close_server(void *server)
{
    eddy_server_close(server);
}

static void stop(struct in_thread *t)
{
    if (t->port)
        EXPECT(eddy_loop_call_soon_threadsafe(t->loop, close_server, t->server).slot != NULL);
    pthread_join(t->thread, NULL);
    sem_destroy(&t->ready);
}

static eddy_async(connect_often, (int, port))
{
    for (int i = 0; i < CONNECTIONS; i++)
        eddy_try(eddy_await(talk_to(port, "hello")));
    return 0;
}

TEST_REAL(servers_of_several_threads_share_a_port)
{
    int port = 0, handled = 0;

    if (test_tortured())
        SKIP("the threads would wait for each other");
    for (int i = 0; i < SERVERS; i++)
        port = start(&threads[i], port);
    EXPECT_EQ(test_run_real(connect_often(port)), 0);
    for (int i = 0; i < SERVERS; i++) {
        stop(&threads[i]);
        EXPECT_EQ(threads[i].status, 0);
        EXPECT(threads[i].handled > 0);
        handled += threads[i].handled;
    }
    EXPECT_EQ(handled, CONNECTIONS);
}
