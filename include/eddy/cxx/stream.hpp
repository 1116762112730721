/* Connections and pipes as streams (asyncio.open_connection, StreamReader, StreamWriter). */
#ifndef EDDY_CXX_STREAM_HPP
#define EDDY_CXX_STREAM_HPP

#include <eddy/server.h>
#include <eddy/stream.h>

#include "range.hpp"

#include <string>
#include <string_view>
#include <utility>

namespace eddy
{
inline namespace EDDYI_CXX_WAY
{

/*
 * Both directions of a connection, or one of a pipe. Closes the connection when it is destroyed;
 * what was written is still sent in the background. eddy/stream.h says what each call does.
 *
 * A std::string_view that a reading call returns points into the stream's buffer, and is valid
 * until the next reading call.
 */
class stream
{
  public:
    stream() = default;
    /* Takes over a reader and writer of C, or one of the two. */
    stream(eddy_reader *reader, eddy_writer *writer) noexcept : m_reader(reader), m_writer(writer)
    {
    }
    /* Uses a reader and writer of C that another object owns. */
    static stream borrowed(eddy_reader *reader, eddy_writer *writer) noexcept
    {
        stream s(reader, writer);

        s.m_owned = false;
        return s;
    }
    stream(stream &&other) noexcept
    {
        swap(other);
    }
    stream &operator=(stream &&other) noexcept
    {
        stream(std::move(other)).swap(*this);
        return *this;
    }
    ~stream()
    {
        if (m_owned && m_writer != nullptr)
            eddy_writer_free(m_writer);
        else if (m_owned)
            eddy_reader_free(m_reader);
    }

    /* Reads up to @size bytes into @buf (StreamReader.read). Returns 0 at the end. */
    returns<size_t> read(void *buf, size_t size)
    {
        return count(eddy_reader_read(m_reader, buf, size));
    }
    /* Reads up to @max bytes, at least one, without copying them. Returns "" at the end. */
    returns<std::string_view> read_some(size_t max = EDDY_STREAM_LIMIT)
    {
        const char *data = "";
        ssize_t rc = eddy_reader_read_some(m_reader, max, &data);

        return view(rc, data);
    }
    /* Reads until the end (StreamReader.read(-1)). Reports EDDY_ELIMIT above @max bytes. */
    returns<std::string> read_all(size_t max = SIZE_MAX)
    {
        const char *data = "";
        ssize_t rc = eddy_reader_read_all(m_reader, max, &data);

        return copied(rc, data);
    }
    /* Reads exactly @n bytes (StreamReader.readexactly), or reports EDDY_EINCOMPLETE. */
    returns<std::string> readexactly(size_t n)
    {
        std::string data(n, '\0');
        ssize_t rc = eddy_reader_readexactly(m_reader, &data[0], n);

        if (rc < 0)
            return detail::fail<std::string>(static_cast<int>(rc));
        return data;
    }
    /* Reads a line with its '\n' (StreamReader.readline). Returns "" at the end. */
    returns<std::string_view> readline()
    {
        const char *line = "";
        ssize_t rc = eddy_reader_readline(m_reader, &line);

        return view(rc, line);
    }
    /* Reads until @separator has been seen, and no further (StreamReader.readuntil). */
    returns<std::string_view> readuntil(std::string_view separator)
    {
        const char *data = "";
        ssize_t rc = eddy_reader_readuntil(m_reader, separator.data(), separator.size(), &data);

        return view(rc, data);
    }
    /* The lines as a range, each without its '\n', to the end of the stream. */
    auto lines() &
    {
        return range([this]() -> returns<std::optional<std::string_view>> {
            const char *line;
            ssize_t n = eddy_reader_readline(m_reader, &line);

            if (n < 0)
                return detail::fail<std::optional<std::string_view>>(static_cast<int>(n));
            if (n == 0)
                return std::optional<std::string_view>();
            return std::optional<std::string_view>(
                std::string_view(line, static_cast<size_t>(n) - (line[n - 1] == '\n')));
        });
    }
    /* Returns whether the end of the stream has been read (StreamReader.at_eof). */
    bool at_eof() const
    {
        return eddy_reader_at_eof(m_reader);
    }
    /*
     * Waits, in a server's handler, between two requests. Returns false if the handler should end:
     * see eddy_connection_next_request().
     */
    returns<bool> next_request()
    {
        int rc = eddy_connection_next_request(m_reader);

        if (rc < 0)
            return detail::fail<bool>(rc);
        return rc > 0;
    }

    /* Writes @data (StreamWriter.write); waits while the write buffer is too full. */
    returns<void> write(std::string_view data)
    {
        return detail::done(eddy_writer_write(m_writer, data.data(), data.size()));
    }
    /* Waits until the write buffer is down to its low-water mark (StreamWriter.drain). */
    returns<void> drain()
    {
        return detail::done(eddy_writer_drain(m_writer));
    }
    /* Waits until the kernel has taken everything. */
    returns<void> flush()
    {
        return detail::done(eddy_writer_flush(m_writer));
    }
    /* Sends @count bytes of the file @fd, from @offset on; -1: to its end (loop.sendfile). */
    returns<void> sendfile(int fd, int64_t offset = 0, int64_t count = -1)
    {
        return detail::done(eddy_writer_sendfile(m_writer, fd, offset, count, nullptr));
    }
    /* Sends the end of the stream; reading goes on (StreamWriter.write_eof). */
    returns<void> write_eof()
    {
        return detail::done(eddy_writer_write_eof(m_writer));
    }
    /* Starts TLS (StreamWriter.start_tls); @context is borrowed for the call. */
    returns<void> start_tls(eddy_tls_context *context, eddy_start_tls_options options = {})
    {
        options.context = context;
        return detail::done(eddy_writer_start_tls_with(m_writer, &options));
    }
    /* Begins to close the connection (StreamWriter.close). */
    void close()
    {
        eddy_writer_close(m_writer);
    }
    /* Closes the connection, and drops what was not sent. */
    void abort()
    {
        eddy_writer_abort(m_writer);
    }
    /* Waits until the connection is closed (StreamWriter.wait_closed). */
    returns<void> wait_closed()
    {
        return detail::done(eddy_writer_wait_closed(m_writer));
    }

    /* The reader and writer of C; null if there is none in this direction. Borrowed. */
    eddy_reader *reader() const noexcept
    {
        return m_reader;
    }
    eddy_writer *writer() const noexcept
    {
        return m_writer;
    }

  private:
    static returns<size_t> count(ssize_t rc)
    {
        if (rc < 0)
            return detail::fail<size_t>(static_cast<int>(rc));
        return static_cast<size_t>(rc);
    }
    static returns<std::string_view> view(ssize_t rc, const char *data)
    {
        if (rc < 0)
            return detail::fail<std::string_view>(static_cast<int>(rc));
        return std::string_view(data, static_cast<size_t>(rc));
    }
    static returns<std::string> copied(ssize_t rc, const char *data)
    {
        if (rc < 0)
            return detail::fail<std::string>(static_cast<int>(rc));
        return std::string(data, static_cast<size_t>(rc));
    }
    void swap(stream &other) noexcept
    {
        std::swap(m_reader, other.m_reader);
        std::swap(m_writer, other.m_writer);
        std::swap(m_owned, other.m_owned);
    }

    eddy_reader *m_reader = nullptr;
    eddy_writer *m_writer = nullptr;
    bool m_owned = true;
};

/* Connects to a TCP server (asyncio.open_connection). */
inline returns<stream> open_connection(const std::string &host, int port,
                                       eddy_connection_options options = {})
{
    eddy_reader *reader;
    eddy_writer *writer;
    int rc = eddy_open_connection(host.c_str(), port, &reader, &writer, options);

    if (rc < 0)
        return detail::fail<stream>(rc);
    return stream(reader, writer);
}

/* Connects to a Unix socket (asyncio.open_unix_connection). */
inline returns<stream> open_unix_connection(const std::string &path, size_t limit = 0)
{
    eddy_reader *reader;
    eddy_writer *writer;
    int rc = eddy_open_unix_connection(path.c_str(), limit, &reader, &writer);

    if (rc < 0)
        return detail::fail<stream>(rc);
    return stream(reader, writer);
}

/* Makes two streams that are the ends of one connection in memory, as eddy_memory_pair_open(). */
inline returns<std::pair<stream, stream>> memory_pair(size_t size = 0)
{
    eddy_reader *readers[2];
    eddy_writer *writers[2];
    int rc = eddy_memory_pair_open(size, readers, writers);

    if (rc < 0)
        return detail::fail<std::pair<stream, stream>>(rc);
    return std::pair(stream(readers[0], writers[0]), stream(readers[1], writers[1]));
}

} // namespace EDDYI_CXX_WAY
} // namespace eddy

#endif
