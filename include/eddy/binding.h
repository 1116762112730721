/*
 * Calls for the binding of another language, beyond eddy/loop.h: functions around each wait, the
 * end of a run after the present callback, and callbacks and timers in the binding's own objects.
 * docs/bindings.md shows how they fit together. No function here needs a task.
 *
 *     struct handle {
 *         PyObject_HEAD
 *         eddy_item item;
 *         …
 *     };
 *
 *     static void run(eddy_item *item)
 *     {
 *         struct handle *h = (struct handle *)((char *)item - offsetof(struct handle, item));
 *         …
 *     }
 *
 *     h->item = (eddy_item){.run = run, .dropped = dropped};
 *     rc = eddy_loop_call_soon_item(loop, &h->item);
 */
#ifndef EDDY_BINDING_H
#define EDDY_BINDING_H

#include "defs.h"
#include "loop.h"

EDDY_BEGIN_DECLS

/*
 * Has before(@arg) and after(@arg) called, in the loop's thread, around each wait that may block:
 * the sleep for the next event, spinning before it, and the waits at the end of a run and in
 * eddy_loop_close(). The binding gives up its interpreter's lock in between, so that other threads
 * can run. Only the waiting itself is enclosed, no callback; polls that do not block are not
 * enclosed. Neither function may call a function of the loop. NULL for both removes them. Raises
 * -EINVAL if only one is NULL, or the errors of eddy_loop_call_soon().
 */
EDDY_API int eddy_loop_set_wait_hooks(eddy_loop *loop, eddy_callback_fn *before,
                                      eddy_callback_fn *after, void *arg);

/*
 * Ends the loop's run after the present callback or step of a task. The callbacks of this turn that
 * did not run go back to the head of the queue, in their order, and run first in the next run: as
 * if an exception had left the callback in asyncio. Returns 0, or raises EDDY_EMISUSE if the loop
 * does not run, or EDDY_ETHREAD, EDDY_ECLOSED, EDDY_ENOLOOP.
 */
EDDY_API int eddy_loop_break(eddy_loop *loop);

/*
 * A callback in the caller's storage: no memory is needed to schedule it, and no handle to cancel
 * it. run and dropped are set by the caller, all other members are zero before the first use.
 */
typedef struct eddy_item eddy_item;
struct eddy_item {
    /* Called when its turn has come. The item may be scheduled again then, or freed. */
    void (*run)(eddy_item *item);
    /*
     * Called by eddy_loop_close() if the item is still scheduled: it will not run, and may be
     * freed. May be NULL.
     */
    void (*dropped)(eddy_item *item);
    void *eddyi_ready[3];
};

/*
 * Schedules @item as eddy_loop_call_soon() schedules a callback, in order with these, but without a
 * context: @item runs outside of any context of eddy's. Borrows @item until it has run, was
 * dropped, or was cancelled. Returns 0, or raises EDDY_EMISUSE if @item is scheduled already,
 * -EINVAL if it has no function, EDDY_ECLOSED, EDDY_ETHREAD or EDDY_EFORKED.
 */
EDDY_API int eddy_loop_call_soon_item(eddy_loop *loop, eddy_item *item);

/*
 * Schedules @item as eddy_loop_call_soon_item() does, and wakes the loop if it sleeps. @item may
 * run before this call returns, and must not be scheduled already. May be called from any thread.
 */
EDDY_API int eddy_loop_call_soon_item_threadsafe(eddy_loop *loop, eddy_item *item);

/*
 * Schedules @item to run at the end of the present turn: after all callbacks of the turn, and
 * before the loop polls the kernel again, for example to send at once what many callbacks have
 * written. Outside of a run it runs when the next run begins. An item that calls this for itself
 * when it runs has its turn at the end of the next turn. The loop sleeps regardless of such items.
 * Results as of eddy_loop_call_soon_item().
 */
EDDY_API int eddy_loop_call_at_turn_end_item(eddy_loop *loop, eddy_item *item);

/*
 * Cancels @item: it neither runs nor is dropped, and may be freed. Harmless if it is not scheduled.
 */
EDDY_API void eddy_item_cancel(eddy_loop *loop, eddy_item *item);

/* Returns whether @item is scheduled, and has neither run nor been cancelled or dropped. */
EDDY_API bool eddy_item_is_scheduled(const eddy_item *item);

/* A timer in the caller's storage; see eddy_item. */
typedef struct eddy_timer eddy_timer;
struct eddy_timer {
    void (*run)(eddy_timer *timer);
    void (*dropped)(eddy_timer *timer);
    void *eddyi_ready[3];
    uint64_t eddyi_node[3];
};

/*
 * Schedules @timer to run when the loop's clock reaches @when, in seconds, as eddy_loop_call_at()
 * does. Results as of eddy_loop_call_soon_item(), and -EINVAL for NaN, and -ENOMEM.
 */
EDDY_API int eddy_loop_call_at_timer(eddy_loop *loop, eddy_timer *timer, double when);

/*
 * Cancel @timer, and return whether it is scheduled, as eddy_item_cancel() and
 * eddy_item_is_scheduled() do.
 */
EDDY_API void eddy_timer_cancel(eddy_loop *loop, eddy_timer *timer);
EDDY_API bool eddy_timer_is_scheduled(const eddy_timer *timer);

/*
 * Returns the number of bytes of memory that the loop itself uses: without its tasks, connections
 * and executors, and without the memory of the kernel (sys.getsizeof).
 */
EDDY_API size_t eddy_loop_size(const eddy_loop *loop);

EDDY_END_DECLS

#endif
