/* Synchronisation between the tasks of one loop (asyncio.Lock, Event, Condition, …). */
#ifndef EDDY_CXX_SYNC_HPP
#define EDDY_CXX_SYNC_HPP

#include <eddy/sync.h>

#include "result.hpp"

#include <mutex>

namespace eddy
{
inline namespace EDDYI_CXX_WAY
{

/*
 * Mutual exclusion of tasks (asyncio.Lock). With exceptions it is a Lockable of the standard
 * library: std::lock_guard, std::unique_lock and std::scoped_lock take it. Not for threads.
 */
class mutex
{
  public:
    mutex() = default;
    mutex(const mutex &) = delete;
    mutex &operator=(const mutex &) = delete;

    /* Acquires the mutex for as long as the result lives: `auto held = m.acquire();`. */
    returns<std::unique_lock<mutex>> acquire();

#ifndef EDDY_RESULTS
    void lock()
    {
        detail::done(eddy_lock_acquire(&m_lock));
    }
#endif
    bool try_lock()
    {
        return !eddy_lock_locked(&m_lock) && eddy_lock_acquire(&m_lock) == 0;
    }
    void unlock() noexcept
    {
        eddy_lock_release(&m_lock);
    }
    bool locked() const noexcept
    {
        return eddy_lock_locked(&m_lock);
    }
    eddy_lock *get() noexcept
    {
        return &m_lock;
    }

  private:
    eddy_lock m_lock = {};
};

inline returns<std::unique_lock<mutex>> mutex::acquire()
{
    int rc = eddy_lock_acquire(&m_lock);

    if (rc < 0)
        return detail::fail<std::unique_lock<mutex>>(rc);
    return std::unique_lock<mutex>(*this, std::adopt_lock);
}

/* A flag that tasks can wait for (asyncio.Event). */
class event
{
  public:
    event() = default;
    event(const event &) = delete;
    event &operator=(const event &) = delete;

    void set() noexcept
    {
        eddy_event_set(&m_event);
    }
    void clear() noexcept
    {
        eddy_event_clear(&m_event);
    }
    bool is_set() const noexcept
    {
        return eddy_event_is_set(&m_event);
    }
    returns<void> wait()
    {
        return detail::done(eddy_event_wait(&m_event));
    }
    eddy_event *get() noexcept
    {
        return &m_event;
    }

  private:
    eddy_event m_event = {};
};

/* A condition variable for a mutex (asyncio.Condition), which its user holds in every call. */
class condition
{
  public:
    explicit condition(mutex &m) : m_condition(EDDY_CONDITION_INIT(m.get()))
    {
    }
    condition(const condition &) = delete;
    condition &operator=(const condition &) = delete;

    /* Waits for a notification; may also return without one. */
    returns<void> wait()
    {
        return detail::done(eddy_condition_wait(&m_condition));
    }
    /* Waits until ready() is true (Condition.wait_for). */
    template <class Predicate> returns<void> wait(Predicate &&ready)
    {
        while (!ready()) {
            int rc = eddy_condition_wait(&m_condition);
            if (rc < 0)
                return detail::fail<void>(rc);
        }
        return returns<void>();
    }
    returns<void> notify(size_t n = 1)
    {
        return detail::done(eddy_condition_notify(&m_condition, n));
    }
    returns<void> notify_all()
    {
        return detail::done(eddy_condition_notify_all(&m_condition));
    }
    eddy_condition *get() noexcept
    {
        return &m_condition;
    }

  private:
    eddy_condition m_condition;
};

/* A number of tokens (asyncio.Semaphore). */
class semaphore
{
  public:
    /* Returns a token when it is destroyed. */
    class [[nodiscard]] token
    {
      public:
        explicit token(semaphore &of) : m_of(&of)
        {
        }
        token(token &&other) noexcept : m_of(std::exchange(other.m_of, nullptr))
        {
        }
        token &operator=(token &&other) noexcept
        {
            std::swap(m_of, other.m_of);
            return *this;
        }
        ~token()
        {
            if (m_of != nullptr)
                eddy_semaphore_release(m_of->get());
        }

      private:
        semaphore *m_of;
    };

    explicit semaphore(size_t value) : m_semaphore(EDDY_SEMAPHORE_INIT(value))
    {
    }
    semaphore(const semaphore &) = delete;
    semaphore &operator=(const semaphore &) = delete;

    /* Takes a token for as long as the result lives: `auto held = s.acquire();`. */
    returns<token> acquire()
    {
        int rc = eddy_semaphore_acquire(&m_semaphore);

        if (rc < 0)
            return detail::fail<token>(rc);
        return token(*this);
    }
    bool locked() const noexcept
    {
        return eddy_semaphore_locked(&m_semaphore);
    }
    eddy_semaphore *get() noexcept
    {
        return &m_semaphore;
    }

  private:
    eddy_semaphore m_semaphore;
};

/* A meeting point where a number of tasks wait for each other, repeatedly (asyncio.Barrier). */
class barrier
{
  public:
    explicit barrier(int parties) : m_barrier(EDDY_BARRIER_INIT(parties))
    {
    }
    barrier(const barrier &) = delete;
    barrier &operator=(const barrier &) = delete;

    /* Waits for the others. Returns the task's number among them. */
    returns<int> wait()
    {
        return check(eddy_barrier_wait(&m_barrier));
    }
    eddy_barrier *get() noexcept
    {
        return &m_barrier;
    }

  private:
    eddy_barrier m_barrier;
};

} // namespace EDDYI_CXX_WAY
} // namespace eddy

#endif
