/* Servers whose handlers are lambdas (asyncio.start_server). */
#ifndef EDDY_CXX_SERVER_HPP
#define EDDY_CXX_SERVER_HPP

#include <eddy/server.h>

#include "stream.hpp"
#include "task.hpp"
#include "time.hpp"

#include <memory>

namespace eddy
{
inline namespace EDDYI_CXX_WAY
{
namespace detail
{

/* A handler of connections, behind the function of C that calls it. */
struct handler_base {
    virtual ~handler_base() = default;
};
template <class F> class handler final : public handler_base
{
  public:
    explicit handler(F f) : m_function(std::move(f))
    {
    }
    static int handle(eddy_reader *reader, eddy_writer *writer, void *arg)
    {
        auto *self = static_cast<handler *>(arg);
        stream connection = stream::borrowed(reader, writer);
        std::exception_ptr thrown;
        std::optional<storable<void>> nothing;

        return status_of(
            [&] { return invoke_into<void>(nothing, self->m_function, connection); }, thrown);
    }

  private:
    F m_function;
};

} // namespace detail

/*
 * A server, which accepts connections until it is closed. When it is destroyed, it closes, cancels
 * its handlers and waits for them, since they use the lambda that it owns; shutdown() gives them
 * time.
 */
class server
{
  public:
    server() = default;
    server(eddy_server *s, std::unique_ptr<detail::handler_base> handler) noexcept
        : m_server(s), m_handler(std::move(handler))
    {
    }
    server(server &&other) noexcept
        : m_server(std::exchange(other.m_server, nullptr)), m_handler(std::move(other.m_handler))
    {
    }
    server &operator=(server &&other) noexcept
    {
        server(std::move(other)).swap(*this);
        return *this;
    }
    ~server()
    {
        if (m_server == nullptr)
            return;
        eddy_server_close(m_server);
        if (eddy_current_task() != nullptr)
            end_connections();
        if (eddy_server_connections(m_server) > 0)
            (void)m_handler.release(); /* not in a task: its handlers cannot be awaited */
        eddy_server_free(m_server);
    }

    /* Returns the port of the first listening socket. */
    int port() const noexcept
    {
        return eddy_server_port(m_server);
    }
    bool is_serving() const noexcept
    {
        return eddy_server_is_serving(m_server);
    }
    /* Serves until the task is cancelled or the server is closed (Server.serve_forever). */
    returns<void> serve_forever()
    {
        return detail::done(eddy_server_serve_forever(m_server));
    }
    /* Stops listening; open connections go on (Server.close). */
    void close() noexcept
    {
        eddy_server_close(m_server);
    }
    /* Waits until the server is closed and its last connection has ended (Server.wait_closed). */
    returns<void> wait_closed()
    {
        return detail::done(eddy_server_wait_closed(m_server));
    }
    /* Stops listening, gives the handlers time to end, and cancels those that do not. */
    template <class Rep, class Period>
    returns<void> shutdown(std::chrono::duration<Rep, Period> grace)
    {
        return detail::done(eddy_server_shutdown(m_server, seconds(grace)));
    }
    eddy_server *get() const noexcept
    {
        return m_server;
    }

  private:
    void end_connections() noexcept
    {
        detail::wait_uncancelled([this] { return eddy_server_shutdown(m_server, 0); });
        detail::wait_uncancelled([this] { return eddy_server_wait_closed(m_server); });
    }
    void swap(server &other) noexcept
    {
        std::swap(m_server, other.m_server);
        std::swap(m_handler, other.m_handler);
    }

    eddy_server *m_server = nullptr;
    std::unique_ptr<detail::handler_base> m_handler;
};

namespace detail
{

template <class F, class Start> returns<server> start(F &&handle, Start &&listen)
{
    using own = handler<std::decay_t<F>>;
    auto h = std::make_unique<own>(std::forward<F>(handle));
    eddy_server *s;
    int rc = listen(own::handle, h.get(), &s);

    if (rc < 0)
        return fail<server>(rc);
    return server(s, std::move(h));
}

} // namespace detail

/*
 * Listens on a TCP port (asyncio.start_server) and calls handle(stream &) in a task of its own for
 * each connection; several calls run concurrently. The connection is closed when the call ends. An
 * exception that leaves it is reported to the loop's exception handler.
 */
template <class F>
returns<server> start_server(F &&handle, const std::string &host, int port,
                             eddy_server_options options = {})
{
    return detail::start(std::forward<F>(handle),
                         [&](eddy_connection_fn *fn, void *arg, eddy_server **ret) {
                             return eddy_start_server(fn, arg, host.c_str(), port, ret, options);
                         });
}

/* Listens on a Unix socket (asyncio.start_unix_server); otherwise as start_server(). */
template <class F>
returns<server> start_unix_server(F &&handle, const std::string &path,
                                  eddy_server_options options = {})
{
    return detail::start(std::forward<F>(handle),
                         [&](eddy_connection_fn *fn, void *arg, eddy_server **ret) {
                             return eddy_start_unix_server(fn, arg, path.c_str(), ret, options);
                         });
}

} // namespace EDDYI_CXX_WAY
} // namespace eddy

#endif
