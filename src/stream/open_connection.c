/*
 * Streams that begin with connecting.
 */
#include "loop/loop.h"
#include "stream/connect.h"
#include "stream/stream.h"
#include "task/task.h"

int eddy_open_connection_with(const eddy_connection_options *options)
{
    int rc = eddyi_task_here() ? 0 : EDDY_ENOTASK;
    struct eddyi_stream *s;
    eddy_carrier *c;

    if (rc == 0 && options->factory)
        rc = eddy_raise(-EINVAL, "open_connection: it takes no protocol factory");
    if (rc == 0 && (!options->ret_reader || !options->ret_writer))
        rc = eddy_raise(-EINVAL, "open_connection: there is no place for reader or writer");
    if (rc == 0)
        rc = eddyi_connect(eddyi_loop_running, options, &c);
    if (rc < 0)
        return rc;
    s = eddyi_stream_new(c, options->limit);
    if (!s) {
        eddyi_connect_undo(options, c);
        return -ENOMEM;
    }
    eddyi_stream_limit_time(s, options->read_timeout, options->write_timeout);
    rc = eddyi_connect_tls(&s->channel, options, false);
    if (rc < 0) {
        eddyi_stream_give_back(s);
        return rc;
    }
    *options->ret_reader = &s->reader;
    *options->ret_writer = &s->writer;
    return 0;
}

int eddy_open_unix_connection(const char *path, size_t limit, eddy_reader **ret_reader,
                              eddy_writer **ret_writer)
{
    return eddy_open_connection_with(&(eddy_connection_options){.path = path ? path : "",
                                                                .limit = limit,
                                                                .ret_reader = ret_reader,
                                                                .ret_writer = ret_writer});
}
