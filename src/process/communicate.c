/*
 * Communicating with a subprocess until its end: one task per pipe serves all pipes at once.
 */
#include "base/options.h"
#include "eddy/error.h"
#include "eddy/group.h"
#include "process/process.h"
#include "stream/stream.h"

/* How many bytes are written at a time; the rest stays in the caller's memory. */
enum { PIECE = 65536 };

struct exchange {
    eddy_process *process;
    const eddy_communicate_options *options;
};

/* Returns true if @rc means that the input is not read any more, or that the user has closed the
 * pipe: no error (rule 185). */
static bool is_gone(int rc)
{
    return rc == -EPIPE || rc == -ECONNRESET || rc == EDDY_ECLOSED;
}

static int feed(void *arg)
{
    const struct exchange *x = arg;
    const eddy_communicate_options *o = x->options;
    eddy_process *p = x->process;
    int rc = 0;

    while (rc == 0 && p->n_sent < o->n_input) {
        size_t left = o->n_input - p->n_sent, n = left < PIECE ? left : PIECE;

        rc = eddy_writer_write(p->input, (const char *)o->input + p->n_sent, n);
        if (rc == 0)
            p->n_sent += n;
    }
    if (rc < 0 && !is_gone(rc))
        return rc;
    eddy_writer_close(p->input);
    return 0;
}

/* Reads an output to its end. The bytes stay in the reader, with a 0 after them. */
static int collect(struct eddyi_output *out, size_t limit)
{
    struct eddyi_buffer *in = eddyi_reader_in(out->reader);
    const char *bytes;
    ssize_t n;

    if (out->bytes)
        return 0;
    n = eddy_reader_read_all(out->reader, limit ? limit : SIZE_MAX, &bytes);
    if (n < 0)
        return (int)n;
    if (eddyi_buffer_reserve(in, 1) < 0)
        return eddy_raise(-ENOMEM, NULL);
    in->data[in->end] = '\0';
    out->bytes = eddyi_buffer_bytes(in);
    out->n = (size_t)n;
    return 0;
}

static int collect_out(void *arg)
{
    const struct exchange *x = arg;

    return collect(&x->process->out, x->options->limit);
}

static int collect_err(void *arg)
{
    const struct exchange *x = arg;

    return collect(&x->process->err, x->options->limit);
}

/* Raises the first failure of a group instead of the group. */
static int first_of(int rc)
{
    const eddy_exception *e = rc == EDDY_EGROUP ? eddy_exception_member(eddy_error(), 0) : NULL;

    if (!e)
        return rc;
    e = eddy_exception_ref(e);
    rc = eddy_reraise(e);
    eddy_exception_unref(e);
    return rc;
}

static int exchange(struct exchange *x)
{
    int (*const parts[])(void *) = {x->process->input ? feed : NULL,
                                    x->process->out.reader ? collect_out : NULL,
                                    x->process->err.reader ? collect_err : NULL};
    eddy_group tg;

    eddy_group_enter(&tg);
    for (int i = 0; i < 3; i++)
        if (parts[i])
            eddy_group_create_task(&tg, eddy_coro(parts[i], x));
    return first_of(eddy_group_exit(&tg, 0));
}

static void give(const struct eddyi_output *out, const char **ret, size_t *ret_n)
{
    if (ret)
        *ret = out->bytes;
    if (ret_n)
        *ret_n = out->n;
}

int(eddy_process_communicate_with)(eddy_process *p, const eddy_communicate_options *options,
                                   size_t options_size)
{
    EDDYI_OPTIONS(eddy_communicate_options, options, options_size, -E2BIG);
    struct exchange x = {p, options};
    int rc = 0;

    if (options->n_input > 0 && !(options->input && p->input))
        return eddy_raise(-EINVAL, "communicate: there is %s",
                          options->input ? "no pipe for the input" : "no input");
    if (p->input || p->out.reader || p->err.reader)
        rc = exchange(&x);
    if (rc == 0)
        rc = eddy_process_wait(p, NULL);
    if (rc < 0)
        return rc;
    give(&p->out, options->ret_out, options->ret_n_out);
    give(&p->err, options->ret_err, options->ret_n_err);
    return 0;
}
