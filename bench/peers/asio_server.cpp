// An echo server on Boost.Asio: with callbacks, or with a stackful coroutine for each
// connection: asio-server PORT callbacks|spawn
#include <boost/asio.hpp>
#include <boost/asio/spawn.hpp>

#include <memory>
#include <string>
#include <utility>

namespace asio = boost::asio;
using asio::ip::tcp;
using error = boost::system::error_code;

namespace
{

constexpr std::size_t buffer_size = 65536;
constexpr int backlog = 4096;

struct session : std::enable_shared_from_this<session> {
    tcp::socket socket;
    std::unique_ptr<char[]> buf{new char[buffer_size]};

    explicit session(tcp::socket s) : socket(std::move(s))
    {
    }

    void read()
    {
        socket.async_read_some(asio::buffer(buf.get(), buffer_size),
                               [me = shared_from_this()](error e, std::size_t n) {
                                   if (!e)
                                       me->write(n);
                               });
    }

    void write(std::size_t n)
    {
        asio::async_write(socket, asio::buffer(buf.get(), n),
                          [me = shared_from_this()](error e, std::size_t) {
                              if (!e)
                                  me->read();
                          });
    }
};

void accept(tcp::acceptor &acceptor)
{
    acceptor.async_accept([&acceptor](error e, tcp::socket socket) {
        if (!e) {
            socket.set_option(tcp::no_delay(true), e);
            std::make_shared<session>(std::move(socket))->read();
        }
        accept(acceptor);
    });
}

void serve(tcp::socket &socket, asio::yield_context yield)
{
    std::unique_ptr<char[]> buf(new char[buffer_size]);
    error e;

    for (;;) {
        std::size_t n = socket.async_read_some(asio::buffer(buf.get(), buffer_size), yield[e]);

        if (e)
            return;
        asio::async_write(socket, asio::buffer(buf.get(), n), yield[e]);
        if (e)
            return;
    }
}

void accept_and_spawn(tcp::acceptor &acceptor, asio::yield_context yield)
{
    for (;;) {
        auto socket = std::make_shared<tcp::socket>(acceptor.get_executor());
        error e;

        acceptor.async_accept(*socket, yield[e]);
        if (e)
            continue;
        socket->set_option(tcp::no_delay(true), e);
        asio::spawn(
            acceptor.get_executor(), [socket](asio::yield_context y) { serve(*socket, y); },
            boost::coroutines::attributes(65536));
    }
}

} // namespace

int main(int argc, char **argv)
{
    asio::io_context io(1);
    tcp::acceptor acceptor(io);

    acceptor.open(tcp::v4());
    acceptor.set_option(tcp::acceptor::reuse_address(true));
    acceptor.bind({tcp::v4(), static_cast<unsigned short>(std::stoi(argv[1]))});
    acceptor.listen(backlog);
    if (argc > 2 && std::string(argv[2]) == "spawn")
        asio::spawn(io,
                    [&acceptor](asio::yield_context yield) { accept_and_spawn(acceptor, yield); });
    else
        accept(acceptor);
    io.run();
}
