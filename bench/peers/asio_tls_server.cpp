// A TLS echo server on Boost.Asio, with callbacks: asio-tls-server PORT FILE
#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>

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
    asio::ssl::stream<tcp::socket> stream;
    std::unique_ptr<char[]> buf{new char[buffer_size]};

    session(tcp::socket s, asio::ssl::context &context) : stream(std::move(s), context)
    {
    }

    void begin()
    {
        stream.async_handshake(asio::ssl::stream_base::server, [me = shared_from_this()](error e) {
            if (!e)
                me->read();
        });
    }

    void read()
    {
        stream.async_read_some(asio::buffer(buf.get(), buffer_size),
                               [me = shared_from_this()](error e, std::size_t n) {
                                   if (!e)
                                       me->write(n);
                               });
    }

    void write(std::size_t n)
    {
        asio::async_write(stream, asio::buffer(buf.get(), n),
                          [me = shared_from_this()](error e, std::size_t) {
                              if (!e)
                                  me->read();
                          });
    }
};

void accept(tcp::acceptor &acceptor, asio::ssl::context &context)
{
    acceptor.async_accept([&acceptor, &context](error e, tcp::socket socket) {
        if (!e) {
            socket.set_option(tcp::no_delay(true), e);
            std::make_shared<session>(std::move(socket), context)->begin();
        }
        accept(acceptor, context);
    });
}

} // namespace

int main(int argc, char **argv)
{
    asio::io_context io(1);
    asio::ssl::context context(asio::ssl::context::tls_server);
    tcp::acceptor acceptor(io);

    context.use_certificate_chain_file(argv[2]);
    context.use_private_key_file(argv[2], asio::ssl::context::pem);
    acceptor.open(tcp::v4());
    acceptor.set_option(tcp::acceptor::reuse_address(true));
    acceptor.bind({tcp::v4(), static_cast<unsigned short>(std::stoi(argv[1]))});
    acceptor.listen(backlog);
    accept(acceptor, context);
    io.run();
}
