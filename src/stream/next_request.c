/*
 * Waiting between two requests; the wait ends when the server closes.
 */
#include "eddy/server.h"
#include "stream/reader.h"
#include "stream/server.h"

static bool is_closing(const struct eddyi_connection *c)
{
    return c->server && c->server->state == EDDYI_CLOSED;
}

int eddy_connection_next_request(eddy_reader *r)
{
    struct eddyi_connection *c = &eddyi_stream_of_reader(r)->connection;
    int rc = eddyi_reader_begin(r);

    if (rc < 0)
        return rc;
    c->between_requests = r;
    while (rc == 0 && eddyi_reader_held(r) == 0 && !eddyi_reader_is_at_end(r) && !is_closing(c))
        rc = eddyi_reader_more(r);
    c->between_requests = NULL;
    return rc < 0 ? rc : eddyi_reader_held(r) > 0;
}
