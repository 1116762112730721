/*
 * Each connection runs in its own copy of the context in which the server was made (rule 174).
 */
#include "stream/servers.h"

static int original, other;
static eddy_contextvar variable = EDDY_CONTEXTVAR("variable", NULL);

/* Says what it finds in the variable, and leaves something else there. */
static int tell(eddy_reader *reader, eddy_writer *writer, void *arg)
{
    const char *text = eddy_contextvar_get(&variable) == &original ? "original" : "other";

    eddy_try(eddy_contextvar_set(&variable, &other, NULL));
    return eddy_writer_write(writer, text, strlen(text));
}

/* Connects, from a context of its own. */
static eddy_async(ask, (int, port))
{
    eddy_reader *reader;
    eddy_writer *writer;
    const char *all;
    ssize_t n;

    eddy_try(eddy_contextvar_set(&variable, &other, NULL));
    eddy_try(eddy_open_connection("127.0.0.1", port, &reader, &writer));
    eddy_writer_free_at_end(writer);
    n = eddy_reader_read_all(reader, 100, &all);
    EXPECT_EQ(n, 8);
    EXPECT(n != 8 || memcmp(all, "original", 8) == 0);
    return 0;
}

TEST_ASYNC_REAL(what_a_connection_sets_no_other_sees)
{
    eddy_server *server;

    eddy_try(eddy_contextvar_set(&variable, &original, NULL));
    eddy_try(eddy_start_server(tell, NULL, "127.0.0.1", 0, &server));
    eddy_server_free_at_end(server);
    eddy_try(eddy_contextvar_set(&variable, &other, NULL)); /* too late for the server */
    for (int i = 0; i < 3; i++)
        EXPECT_EQ(eddy_await(ask(eddy_server_port(server))), 0);
    EXPECT(eddy_contextvar_get(&variable) == &other);
    eddy_server_close(server);
    return eddy_server_wait_closed(server);
}
