/*
 * Transports with a protocol: their life, and the public calls but for those of reading.
 */
#include "protocol/transport.h"
#include "base/exception.h"
#include "base/options.h"
#include "base/sys.h"
#include "loop/loop.h"

eddy_transport *eddy_transport_ref(eddy_transport *t)
{
    t->face.refs++;
    return t;
}

void eddy_transport_unref(eddy_transport *t)
{
    if (t)
        eddyi_face_unref(&t->face);
}

static void fini(struct eddyi_face *f)
{
    eddyi_channel_fini(&eddyi_container(f, eddy_transport, face)->channel);
}

/* Notes that the buffer has crossed a water mark. Each crossing is reported to the protocol once:
 * pause_writing() is called from within the write, resume_writing() from an item. */
static void on_flow(struct eddyi_channel *c)
{
    eddy_transport *t = eddyi_protocol_transport(c);

    if (!c->paused) {
        eddyi_protocol_queue(t, &t->flow);
        return;
    }
    if (t->writing_paused || !t->protocol)
        return;
    t->writing_paused = true;
    if (t->protocol->pause_writing)
        t->protocol->pause_writing(t->arg);
}

/* Calls resume_writing(), unless the buffer is above the high-water mark again. */
static void flow(struct eddyi_ready *r)
{
    eddy_transport *t = eddyi_container(r, eddy_transport, flow);
    struct eddyi_var_scope *outside;

    if (!t->writing_paused || t->channel.paused || t->channel.state > EDDYI_CLOSING)
        return;
    t->writing_paused = false;
    outside = eddyi_face_enter(&t->face);
    if (t->protocol->resume_writing)
        t->protocol->resume_writing(t->arg);
    eddyi_face_leave(&t->face, outside);
}

static void made(struct eddyi_ready *r)
{
    eddy_transport *t = eddyi_container(r, eddy_transport, made);
    struct eddyi_var_scope *outside = eddyi_face_enter(&t->face);

    if (t->protocol->connection_made)
        t->protocol->connection_made(t->arg, t);
    eddyi_face_leave(&t->face, outside);
}

static void on_lost(struct eddyi_channel *c)
{
    eddy_transport *t = eddyi_protocol_transport(c);

    eddyi_ready_cancel(&t->input);
    eddyi_ready_cancel(&t->flow);
    eddyi_buffer_fini(&c->in);
    eddyi_timer_stop(c->loop, &t->silence);
    eddyi_loop_ready(c->loop, &t->lost);
}

/* Reports an error to the exception handler. An error of the network concerns only the protocol;
 * misuse and lack of memory are reported always, other errors in debug mode (rule 158). */
static void report(eddy_transport *t)
{
    int error = t->channel.error;

    if (error == EDDY_EMISUSE || error == -ENOMEM ||
        (error < 0 && error != -ECANCELED && t->channel.loop->debug))
        eddy_loop_call_exception_handler(
            t->channel.loop,
            &(eddy_exception_context){.message = "Fatal error on a transport",
                                      .exception = eddyi_channel_reason(&t->channel)});
}

static void lost(struct eddyi_ready *r)
{
    eddy_transport *t = eddyi_container(r, eddy_transport, lost);
    const eddy_protocol *protocol = t->protocol;
    struct eddyi_var_scope *outside = eddyi_face_enter(&t->face);

    if (protocol) {
        report(t);
        if (protocol->connection_lost)
            protocol->connection_lost(t->arg, eddyi_channel_reason(&t->channel));
        t->protocol = NULL;
        t->arg = NULL;
    }
    eddyi_connection_gone(&t->connection);
    eddyi_face_end(&t->face);
    eddyi_face_leave(&t->face, outside);
}

static const struct eddyi_channel_client client = {
    .readable = eddyi_protocol_readable,
    .flow = on_flow,
    .lost = on_lost,
};

/* Creates a transport over @c. Takes ownership of @c on success. Raises -ENOMEM. */
static eddy_transport *make(eddy_carrier *c)
{
    eddy_transport *t = eddyi_zalloc(sizeof *t);

    if (!t) {
        eddy_raise(-ENOMEM, NULL);
        return NULL;
    }
    if (eddyi_channel_init(&t->channel, c, &client) < 0) {
        eddyi_free(t);
        return NULL;
    }
    eddyi_face_init(&t->face, c->loop, fini);
    eddyi_ready_init(&t->made, made);
    eddyi_ready_init(&t->input, eddyi_protocol_input);
    eddyi_ready_init(&t->flow, flow);
    eddyi_ready_init(&t->lost, lost);
    eddyi_ready_init(&t->silence.ready, eddyi_protocol_silence);
    return t;
}

eddy_transport *eddyi_protocol_transport_new(eddy_carrier *c)
{
    eddy_transport *t = make(c);

    if (!t)
        c->ops->free(c);
    return t;
}

int eddyi_protocol_make(eddy_transport *t, eddy_protocol_factory *factory, void *arg)
{
    int rc = factory(arg, &t->protocol, &t->arg);

    if (rc == 0 && !t->protocol)
        rc = eddy_raise(-EINVAL, "the protocol factory gave no protocol");
    if (rc < 0)
        t->protocol = NULL;
    return rc;
}

void eddyi_protocol_begin(eddy_transport *t)
{
    eddyi_loop_ready(t->channel.loop, &t->made);
    eddyi_protocol_queue(t, &t->input);
}

int eddy_transport_open(eddy_carrier *carrier, const eddy_protocol *protocol, void *arg,
                        eddy_transport **ret_transport)
{
    eddy_transport *t;
    int rc = eddyi_loop_check(carrier->loop);

    if (rc < 0)
        return rc;
    if (!protocol)
        return eddy_raise(-EINVAL, "a transport needs a protocol");
    t = make(carrier);
    if (!t)
        return -ENOMEM;
    t->protocol = protocol;
    t->arg = arg;
    eddyi_protocol_begin(t);
    if (ret_transport)
        *ret_transport = eddy_transport_ref(t);
    return 0;
}

/* The public calls. */

void eddy_transport_close(eddy_transport *t)
{
    eddyi_channel_close(&t->channel);
}

void eddy_transport_abort(eddy_transport *t)
{
    eddyi_channel_abort(&t->channel);
}

bool eddy_transport_is_closing(const eddy_transport *t)
{
    return eddyi_channel_is_closing(&t->channel);
}

ssize_t eddy_transport_get_extra_info(const eddy_transport *t, const char *name, void *ret,
                                      size_t size)
{
    return eddyi_channel_info(&t->channel, name, ret, size);
}

void eddy_transport_set_protocol(eddy_transport *t, const eddy_protocol *protocol, void *arg)
{
    if (!t->protocol || !protocol)
        return;
    t->protocol = protocol;
    t->arg = arg;
}

const eddy_protocol *eddy_transport_get_protocol(const eddy_transport *t, void **ret_arg)
{
    if (ret_arg)
        *ret_arg = t->arg;
    return t->protocol;
}

/* Returns the call that alone may write now, or NULL. */
static const char *busy(const eddy_transport *t)
{
    return t->channel.tls_start ? "start_tls" : t->channel.sending ? "sendfile" : NULL;
}

int eddy_transport_writelines(eddy_transport *t, const struct iovec *iov, int n)
{
    if (t->channel.ways == EDDYI_READ_ONLY)
        return eddy_raise(EDDY_EMISUSE, "write on the read end of a pipe");
    if (busy(t))
        return eddy_raise(EDDY_EMISUSE, "write during %s", busy(t));
    return eddyi_channel_write(&t->channel, iov, n);
}

int eddy_transport_write(eddy_transport *t, const void *data, size_t size)
{
    return eddy_transport_writelines(t, &(struct iovec){(void *)(uintptr_t)data, size}, 1);
}

bool eddy_transport_can_write_eof(const eddy_transport *t)
{
    return !t->channel.tls && t->channel.ways != EDDYI_READ_ONLY;
}

int eddy_transport_write_eof(eddy_transport *t)
{
    if (!eddy_transport_can_write_eof(t))
        return eddy_raise(EDDY_EMISUSE, "write_eof on a transport that cannot say so");
    if (busy(t))
        return eddy_raise(EDDY_EMISUSE, "write_eof during %s", busy(t));
    return eddyi_channel_write_eof(&t->channel);
}

int eddy_transport_set_write_buffer_limits(eddy_transport *t, eddy_water_marks marks)
{
    return eddyi_channel_set_limits(&t->channel, marks);
}

eddy_water_marks eddy_transport_get_write_buffer_limits(const eddy_transport *t)
{
    return t->channel.marks;
}

size_t eddy_transport_get_write_buffer_size(const eddy_transport *t)
{
    return eddyi_buffer_length(&t->channel.out);
}

/* Starting TLS. */

/* Calls the done function of a call without a task that has ended with @rc. @t may be freed. */
static void tell_done(eddy_transport *t, int rc)
{
    struct eddyi_var_scope *outside = eddyi_face_enter(&t->face);

    t->done(t->done_arg, rc);
    eddyi_face_leave(&t->face, outside);
}

/* Prepares @t for starting TLS, if that is possible now. Returns 0, or raises an error. */
static int prepare_tls(eddy_transport *t, const eddy_start_tls_options *options)
{
    if (!options->context)
        return eddy_raise(-EINVAL, "start_tls: no context");
    if (t->channel.tls || busy(t) || t->channel.ways != EDDYI_BOTH_WAYS)
        return eddy_raise(EDDY_EMISUSE, "start_tls: the transport speaks TLS already, or cannot");
    eddyi_timer_stop(t->channel.loop, &t->silence);
    return 0;
}

/* Reads on, after the handshake or instead of it. */
static void end_tls(eddy_transport *t)
{
    if (t->protocol && !eddyi_channel_is_closing(&t->channel))
        eddyi_protocol_queue(t, &t->input);
}

static void tls_started(void *arg, int rc)
{
    eddy_transport *t = arg;

    end_tls(t);
    tell_done(t, rc);
}

int(eddy_transport_start_tls)(eddy_transport *t, const eddy_start_tls_options *options,
                              eddy_transport_done_fn *done, void *arg, size_t options_size)
{
    EDDYI_OPTIONS(eddy_start_tls_options, options, options_size, -E2BIG);
    int rc = prepare_tls(t, options);

    if (rc < 0)
        return rc;
    t->done = done;
    t->done_arg = arg;
    rc = eddyi_channel_begin_tls(&t->channel, options, tls_started, t);
    if (rc < 0)
        end_tls(t);
    return rc;
}

int(eddy_loop_start_tls_with)(eddy_loop *loop, eddy_transport *t,
                              const eddy_start_tls_options *options, size_t options_size)
{
    EDDYI_OPTIONS(eddy_start_tls_options, options, options_size, -E2BIG);
    int rc = eddyi_face_check(loop, true, true);

    if (rc == 0)
        rc = prepare_tls(t, options);
    if (rc < 0)
        return rc;
    eddy_transport_ref(t);
    rc = eddyi_channel_start_tls(&t->channel, options);
    end_tls(t);
    eddy_transport_unref(t);
    return rc;
}

/* Sending files. */

static int check_file(const eddy_transport *t, int64_t offset)
{
    if (offset < 0)
        return eddy_raise(-EINVAL, "sendfile: a negative offset");
    if (eddyi_channel_is_closing(&t->channel))
        return eddyi_channel_raise(&t->channel);
    if (busy(t) || t->channel.ways == EDDYI_READ_ONLY)
        return eddy_raise(EDDY_EMISUSE, "sendfile: the transport cannot be written to now");
    return 0;
}

int eddy_loop_sendfile(eddy_loop *loop, eddy_transport *t, int file, int64_t offset, int64_t count,
                       int64_t *ret_sent)
{
    struct eddyi_file_sending s = {.base = {.file = file, .offset = offset, .count = count}};
    int rc = eddyi_face_check(loop, true, true);

    if (rc == 0)
        rc = check_file(t, offset);
    if (rc < 0)
        return rc;
    eddy_transport_ref(t);
    rc = eddyi_channel_sendfile(&t->channel, &s);
    if (ret_sent)
        *ret_sent = s.base.sent;
    eddy_transport_unref(t);
    return rc;
}

/* A file that is sent without a task. */
struct sending {
    struct eddyi_file_sending file;
    eddy_transport *transport; /* a reference */
    int64_t *ret_sent;
};

static void file_sent(struct eddyi_file_sending *file)
{
    struct sending *s = eddyi_container(file, struct sending, file);
    eddy_transport *t = s->transport;

    if (s->ret_sent)
        *s->ret_sent = file->base.sent;
    tell_done(t, (int)file->base.result);
    eddyi_free(s);
    eddy_transport_unref(t);
}

int eddy_transport_sendfile(eddy_transport *t, int file, int64_t offset, int64_t count,
                            int64_t *ret_sent, eddy_transport_done_fn *done, void *arg)
{
    struct sending *s;
    int rc = check_file(t, offset);

    if (rc < 0)
        return rc;
    s = eddyi_alloc(sizeof *s);
    if (!s)
        return eddy_raise(-ENOMEM, NULL);
    *s = (struct sending){
        {.base = {.file = file, .offset = offset, .count = count}, .done = file_sent},
        eddy_transport_ref(t),
        ret_sent};
    t->done = done;
    t->done_arg = arg;
    eddyi_channel_begin_sendfile(&t->channel, &s->file);
    return 0;
}
