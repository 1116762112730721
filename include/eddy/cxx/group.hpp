/* Task groups of lambdas (asyncio.TaskGroup). */
#ifndef EDDY_CXX_GROUP_HPP
#define EDDY_CXX_GROUP_HPP

#include <eddy/group.h>

#include "call.hpp"

namespace eddy
{
inline namespace EDDYI_CXX_WAY
{

/*
 * Child tasks that end before the block of the group does:
 *
 *     eddy::task_group group;
 *     group.create_task([&] { fetch(a); });
 *     group.create_task([&] { fetch(b); });
 *     group.wait();
 *
 * The first child that fails cancels the others and the block. A group that is left without wait(),
 * by return or an exception, cancels its children and waits for them. Groups and timeouts are left
 * in the opposite order of their beginnings, as local variables are; so a group cannot be moved.
 */
class [[nodiscard]] task_group
{
  public:
    task_group()
    {
        (eddy_group_enter)(&m_group);
    }
    task_group(const task_group &) = delete;
    task_group &operator=(const task_group &) = delete;
    ~task_group()
    {
        eddy_group *const group = &m_group;

        if (!m_left)
            eddy_group_abandon(&group);
    }

    /*
     * Creates a child that runs @f (TaskGroup.create_task). A child that cannot be created fails
     * the group as a failed child does.
     */
    template <class F> EDDYI_NOINLINE void create_task(F &&f, eddy_task_options options = {})
    {
        options.coro = coroutine(std::forward<F>(f));
        (void)eddy_group_create_task_with(&m_group, &options);
    }
    /*
     * Waits for every child (the end of `async with`). Reports EDDY_EGROUP (exception_group), whose
     * members are the failures, if a child failed.
     *
     * Cancelled: cancels the children, and waits for them.
     */
    returns<void> wait()
    {
        m_left = true;
        return detail::done(eddy_group_exit(&m_group, 0));
    }
    /* Ends the group early and without a failure: cancels the children and the block. */
    void cancel()
    {
        eddy_group_cancel(&m_group);
    }
    eddy_group *get() noexcept
    {
        return &m_group;
    }

  private:
    eddy_group m_group;
    bool m_left = false;
};

} // namespace EDDYI_CXX_WAY
} // namespace eddy

#endif
