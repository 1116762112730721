/* Queues of any movable type between the tasks of one loop (asyncio.Queue and its kin). */
#ifndef EDDY_CXX_QUEUE_HPP
#define EDDY_CXX_QUEUE_HPP

#include <eddy/queue.h>

#include "range.hpp"

#include <functional>
#include <memory>

namespace eddy
{
inline namespace EDDYI_CXX_WAY
{

/*
 * A queue of T, first in, first out (asyncio.Queue). lifo_queue and priority_queue give their items
 * in another order. Destroys the items that are left; no task may wait on it then.
 */
template <class T> class queue
{
  public:
    /* @maxsize is the number of items at which the queue is full; 0: no limit. */
    explicit queue(size_t maxsize = 0)
    {
        eddy_queue_init(&m_queue, maxsize);
    }
    queue(const queue &) = delete;
    queue &operator=(const queue &) = delete;
    ~queue()
    {
        drop_items();
        eddy_queue_fini(&m_queue);
    }

    /*
     * Puts an item in, waiting while the queue is full (Queue.put). On failure, and if cancelled,
     * @item is destroyed.
     */
    returns<void> put(T item)
    {
        return put_by(eddy_queue_put, std::move(item));
    }
    /* Puts an item in, or reports EDDY_EQUEUEFULL (Queue.put_nowait). */
    returns<void> put_nowait(T item)
    {
        return put_by(eddy_queue_put_nowait, std::move(item));
    }
    /*
     * Takes an item out, waiting while the queue is empty (Queue.get). Reports EDDY_EQUEUESHUTDOWN
     * once the queue is shut down and empty.
     */
    returns<T> get()
    {
        void *item;
        int rc = eddy_queue_get(&m_queue, &item);

        return taken(rc, item);
    }
    /* Takes an item out, or reports EDDY_EQUEUEEMPTY (Queue.get_nowait). */
    returns<T> get_nowait()
    {
        void *item;
        int rc = eddy_queue_get_nowait(&m_queue, &item);

        return taken(rc, item);
    }
    /* The items as a range, which ends when the queue is shut down and empty. */
    auto items() &
    {
        return range([this]() -> returns<std::optional<T>> {
            void *item;
            int rc = eddy_queue_get(&m_queue, &item);

            if (rc == EDDY_EQUEUESHUTDOWN)
                return std::optional<T>();
            if (rc < 0)
                return detail::fail<std::optional<T>>(rc);
            return std::optional<T>(std::move(*std::unique_ptr<T>(static_cast<T *>(item))));
        });
    }

    size_t size() const noexcept
    {
        return eddy_queue_qsize(&m_queue);
    }
    bool empty() const noexcept
    {
        return eddy_queue_empty(&m_queue);
    }
    bool full() const noexcept
    {
        return eddy_queue_full(&m_queue);
    }
    /* Reports that an item that was taken out has been processed (Queue.task_done). */
    returns<void> task_done()
    {
        return detail::done(eddy_queue_task_done(&m_queue));
    }
    /* Waits until every item that was put in has been processed (Queue.join). */
    returns<void> join()
    {
        return detail::done(eddy_queue_join(&m_queue));
    }
    /*
     * Shuts the queue down (Queue.shutdown): puts fail from now on, gets once it is empty.
     * @immediate destroys the items, and counts them as processed.
     */
    void shutdown(bool immediate = false)
    {
        eddy_queue_shutdown(&m_queue, false);
        for (size_t n = immediate ? drop_items() : 0; n > 0; n--)
            eddy_queue_task_done(&m_queue);
        if (immediate)
            eddy_queue_shutdown(&m_queue, true);
    }

  protected:
    eddy_queue m_queue;

  private:
    returns<void> put_by(int (*put_item)(eddy_queue *q, void *item), T item)
    {
        std::unique_ptr<T> held(new T(std::move(item)));
        int rc = put_item(&m_queue, held.get());

        if (rc < 0)
            return detail::fail<void>(rc);
        held.release();
        return returns<void>();
    }
    returns<T> taken(int rc, void *item)
    {
        if (rc < 0)
            return detail::fail<T>(rc);
        return std::move(*std::unique_ptr<T>(static_cast<T *>(item)));
    }
    size_t drop_items()
    {
        void *item;
        size_t n = 0;

        for (; eddy_queue_get_nowait(&m_queue, &item) >= 0; n++)
            delete static_cast<T *>(item);
        return n;
    }
};

/* The item that was put in last comes first (asyncio.LifoQueue). */
template <class T> class lifo_queue : public queue<T>
{
  public:
    explicit lifo_queue(size_t maxsize = 0)
    {
        eddy_lifo_queue_init(&this->m_queue, maxsize);
    }
};

/* The least item comes first, equal items in any order (asyncio.PriorityQueue). */
template <class T, class Less = std::less<T>> class priority_queue : public queue<T>
{
  public:
    explicit priority_queue(size_t maxsize = 0)
    {
        eddy_priority_queue_init(&this->m_queue, maxsize, compare);
    }

  private:
    static int compare(const void *a, const void *b)
    {
        const T &x = *static_cast<const T *>(a), &y = *static_cast<const T *>(b);

        return Less()(x, y) ? -1 : Less()(y, x) ? 1 : 0;
    }
};

} // namespace EDDYI_CXX_WAY
} // namespace eddy

#endif
