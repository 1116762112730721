/* Ranges whose next element may have to be waited for. */
#ifndef EDDY_CXX_RANGE_HPP
#define EDDY_CXX_RANGE_HPP

#include "result.hpp"

#include <cstddef>
#include <iterator>
#include <optional>
#include <utility>

namespace eddy
{
inline namespace EDDYI_CXX_WAY
{

/*
 * The elements that next() returns until it returns std::nullopt, for one pass:
 * `for (std::string_view line : stream.lines())`.
 *
 * With exceptions, a failure leaves the loop. With results, the loop ends, and status() of the
 * range, which is then a variable, reports the failure.
 */
template <class Next> class range
{
    using element = typename detail::unwrapped<std::invoke_result_t<Next &>>::type::value_type;

  public:
    class iterator
    {
      public:
        using iterator_category = std::input_iterator_tag;
        using value_type = element;
        using difference_type = std::ptrdiff_t;
        using pointer = element *;
        using reference = element &;

        explicit iterator(range *of) : m_of(of)
        {
        }
        element &operator*() const
        {
            return *m_of->m_present;
        }
        element *operator->() const
        {
            return &*m_of->m_present;
        }
        iterator &operator++()
        {
            m_of->advance();
            return *this;
        }
        void operator++(int)
        {
            m_of->advance();
        }
        /* An iterator is equal to end() when no element is left, and to no other. */
        bool operator==(const iterator &end) const
        {
            return m_of == end.m_of || (end.m_of == nullptr && !m_of->m_present);
        }
        bool operator!=(const iterator &end) const
        {
            return !(*this == end);
        }

      private:
        range *m_of; /* null: the end */
    };

    explicit range(Next next) : m_next(std::move(next))
    {
    }
    iterator begin()
    {
        advance();
        return iterator(this);
    }
    iterator end()
    {
        return iterator(nullptr);
    }
#ifdef EDDY_RESULTS
    result<void> status() const
    {
        return m_why ? result<void>(*m_why) : result<void>();
    }
#endif

  private:
    void advance()
    {
        m_present.reset(); /* its memory may be what next() gives again */
#ifdef EDDY_RESULTS
        auto r = m_next();
        if (r)
            m_present = *std::move(r);
        else
            m_why = r.why();
#else
        m_present = m_next();
#endif
    }

    Next m_next;
    std::optional<element> m_present;
#ifdef EDDY_RESULTS
    std::optional<failure> m_why;
#endif
};

} // namespace EDDYI_CXX_WAY
} // namespace eddy

#endif
