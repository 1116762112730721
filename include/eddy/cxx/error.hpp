/* Failures in C++: eddy::failure, the exceptions made of it, and eddy::cancelled. */
#ifndef EDDY_CXX_ERROR_HPP
#define EDDY_CXX_ERROR_HPP

#include <eddy/error.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace eddy
{

/*
 * The reason why a call failed: its code (-errno, or an EDDY_E… of eddy/error.h) and its message.
 * Keeps the exception of C that it was made of, whose members it gives, and can be copied cheaply.
 */
class failure
{
  public:
    explicit failure(int code) : failure(code, eddy_strerror(code))
    {
    }
    failure(int code, std::string message)
        : m_code(code), m_message(std::move(message)),
          m_exception(eddy_exception_new(code, "%s", m_message.c_str()), eddy_exception_unref)
    {
    }
    /* Of an exception of C, to which it takes a reference of its own. */
    explicit failure(const eddy_exception *e)
        : m_code(eddy_exception_code(e)), m_message(formatted(e)),
          m_exception(eddy_exception_ref(e), eddy_exception_unref)
    {
    }
    /* Returns the failure that a function of C has just reported by returning @code. */
    static failure latest(int code)
    {
        const eddy_exception *e = eddy_error();

        return e != nullptr && eddy_exception_code(e) == code ? failure(e) : failure(code);
    }

    int code() const noexcept
    {
        return m_code;
    }
    const std::string &message() const noexcept
    {
        return m_message;
    }
    /* Returns the failures of a group (EDDY_EGROUP), in order; none for other failures. */
    std::vector<failure> members() const
    {
        std::vector<failure> all;

        for (size_t i = 0; m_exception && i < eddy_exception_count(m_exception.get()); i++)
            all.emplace_back(eddy_exception_member(m_exception.get(), i));
        return all;
    }
    /* Reports the failure to C: `return why.raise();` in a function that returns a status. */
    int raise() const noexcept
    {
        return m_exception ? eddy_reraise(m_exception.get()) : m_code;
    }

  private:
    static std::string formatted(const eddy_exception *e)
    {
        std::string text(static_cast<size_t>(eddy_exception_format(e, nullptr, 0)), '\0');

        eddy_exception_format(e, &text[0], text.size() + 1);
        return text;
    }

    int m_code;
    std::string m_message;
    std::shared_ptr<const eddy_exception> m_exception; /* empty if memory was short */
};

/* A failure as an exception; what() is its message. */
class error : public std::runtime_error
{
  public:
    explicit error(failure why) : error(std::make_shared<const eddy::failure>(std::move(why)))
    {
    }
    explicit error(int code) : error(eddy::failure(code))
    {
    }
    error(int code, std::string message) : error(eddy::failure(code, std::move(message)))
    {
    }
    int code() const noexcept
    {
        return m_failure->code();
    }
    const eddy::failure &why() const noexcept
    {
        return *m_failure;
    }

  private:
    explicit error(std::shared_ptr<const eddy::failure> why)
        : std::runtime_error(why->message()), m_failure(std::move(why))
    {
    }

    std::shared_ptr<const eddy::failure> m_failure;
};

/* A time limit was exceeded: -ETIMEDOUT (TimeoutError). */
class timed_out : public error
{
  public:
    using error::error;
    timed_out() : error(-ETIMEDOUT)
    {
    }
};

/* A group of failures: EDDY_EGROUP (ExceptionGroup). why().members() are the failures. */
class exception_group : public error
{
  public:
    using error::error;
};

/*
 * The task was cancelled (CancelledError). Not a std::exception, as CancelledError is no Exception:
 * code that handles failures does not handle it by accident. Code that catches it releases what it
 * holds, and throws it again.
 */
class cancelled
{
};

} // namespace eddy

#endif
