/*
 * Protocols: what a connection calls (asyncio.Protocol and BufferedProtocol).
 *
 * The callback face of a connection, for bindings and for programs that are written so; with tasks,
 * eddy/stream.h is simpler. A protocol is a table of functions, usually static, and a pointer of
 * the connection's own, which each of them gets. What is NULL does nothing.
 *
 *     connection_made --> data_received…, at most one eof_received --> connection_lost
 *
 * Each is called by the loop, as its callbacks are, never from within a call of yours; only
 * pause_writing is called from the write that was too much. They run in the connection's own
 * context, a copy of the one in which it was made; a server's in a copy of the server's for each
 * (rule 174).
 */
#ifndef EDDY_PROTOCOL_H
#define EDDY_PROTOCOL_H

#include "defs.h"

EDDY_BEGIN_DECLS

typedef struct eddy_transport eddy_transport;

/* Must outlive the connections that use it. */
typedef struct eddy_protocol {
    /* The connection stands (rule 149). @transport is there until connection_lost() has returned;
     * see eddy_transport_ref(). */
    void (*connection_made)(void *arg, eddy_transport *transport);

    /* @size > 0 bytes came; they are valid during the call. */
    void (*data_received)(void *arg, const void *data, size_t size);

    /*
     * The peer writes no more. True keeps the connection open for writing; false, or NULL here,
     * closes it (rule 151). With TLS, and of a pipe, it is closed in any case.
     */
    bool (*eof_received)(void *arg);

    /*
     * The last call, exactly one for each connection that was made (rule 150): gives back what @arg
     * holds. @e, borrowed: what the connection broke with, -ECANCELED if its loop was closed,
     * -ETIMEDOUT if the run was over and the peer took nothing any more; NULL: it was closed, by
     * either side, or aborted.
     */
    void (*connection_lost)(void *arg, const eddy_exception *e);

    /* More than the high-water mark of bytes wait to go out; later: no more than the low-water mark
     * do (rule 154). */
    void (*pause_writing)(void *arg);
    void (*resume_writing)(void *arg);

    /*
     * A BufferedProtocol has these two instead of data_received: where the next bytes shall go, and
     * how many did (rule 159).
     * @size_hint  how much there is at least, SIZE_MAX: not known get_buffer puts the size in
     * *ret_size. A size of 0 breaks the connection, with EDDY_EMISUSE. The memory is used before
     * the loop calls anybody else.
     */
    void *(*get_buffer)(void *arg, size_t size_hint, size_t *ret_size);
    void (*buffer_updated)(void *arg, size_t size);
} eddy_protocol;

/*
 * Makes the protocol of one connection (protocol_factory): puts its table and its pointer in the
 * outputs. Called when the connection stands, with TLS after the handshake, so that each success is
 * followed by connection_made and connection_lost. @arg is the factory's. 0, or an error < 0, which
 * ends the connection.
 */
typedef int eddy_protocol_factory(void *arg, const eddy_protocol **ret_protocol, void **ret_arg);

EDDY_END_DECLS

#endif
