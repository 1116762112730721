/*
 * Protocols: the functions that a connection calls (asyncio.Protocol, asyncio.BufferedProtocol).
 *
 * This is the callback face of a connection, for bindings and for programs in that style; in a task
 * eddy/stream.h is simpler. A protocol is a table of functions, usually static, and one pointer for
 * each connection, which is the first argument of every function. A function that is NULL does
 * nothing.
 *
 *     connection_made --> data_received…, at most one eof_received --> connection_lost
 *
 * The loop calls each function as it calls callbacks, never from within a call of the program's.
 * The only exception is pause_writing, called from the write that exceeds the high-water mark. The
 * functions run in the connection's own context, a copy of the context in which the connection was
 * made; a server's connection has a copy of the server's (rule 174).
 */
#ifndef EDDY_PROTOCOL_H
#define EDDY_PROTOCOL_H

#include "defs.h"

EDDY_BEGIN_DECLS

/* A connection that calls a protocol (asyncio.Transport; eddy/transport.h). Opaque. */
typedef struct eddy_transport eddy_transport;

/* A table of functions, which must outlive the connections that use it. */
typedef struct eddy_protocol {
    /*
     * Called when the connection is established (rule 149). @transport is valid until
     * connection_lost() has returned; see eddy_transport_ref().
     */
    void (*connection_made)(void *arg, eddy_transport *transport);

    /* Called with @size > 0 bytes that have arrived, valid during the call. */
    void (*data_received)(void *arg, const void *data, size_t size);

    /*
     * Called when the peer writes no more. Returning true keeps the connection open for writing;
     * false, or a NULL entry here, closes it (rule 151). A connection with TLS and a pipe are
     * closed in any case.
     */
    bool (*eof_received)(void *arg);

    /*
     * Called last, exactly once for each connection that was made (rule 150); releases what @arg
     * owns. @e is the error that the connection broke with, -ECANCELED if its loop was closed, or
     * -ETIMEDOUT if the run was over and the peer accepted no more bytes. @e is NULL if the
     * connection was closed, by either side, or aborted. Borrows @e.
     */
    void (*connection_lost)(void *arg, const eddy_exception *e);

    /* Called when the write buffer exceeds the high-water mark (rule 154). */
    void (*pause_writing)(void *arg);

    /* Called when the write buffer is down to the low-water mark again (rule 154). */
    void (*resume_writing)(void *arg);

    /*
     * A buffered protocol has these two functions in place of data_received (rule 159). get_buffer
     * returns the memory for the next bytes, and stores its size in *ret_size; size 0 breaks the
     * connection with EDDY_EMISUSE. @size_hint is the least number of bytes to expect; SIZE_MAX:
     * unknown. The memory is used before the loop calls any other function.
     */
    void *(*get_buffer)(void *arg, size_t size_hint, size_t *ret_size);

    /* Called with the number of bytes that were stored at the start of that memory. */
    void (*buffer_updated)(void *arg, size_t size);
    void (*eddyi_reserved[4])(void); /* NULL; see docs/abi.md */
} eddy_protocol;

/*
 * Makes the protocol of one connection (protocol_factory): stores its table in *ret_protocol and
 * its pointer in *ret_arg. Called when the connection is established, with TLS after the handshake,
 * so that each success is followed by connection_made and connection_lost. @arg is the factory's
 * own argument. Returns 0, or an error < 0, which ends the connection.
 */
typedef int eddy_protocol_factory(void *arg, const eddy_protocol **ret_protocol, void **ret_arg);

EDDY_END_DECLS

#endif
