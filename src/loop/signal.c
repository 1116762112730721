#include "loop/signal.h"

#include "base/sys.h"
#include "eddy/error.h"
#include "loop/loop.h"
#include "loop/registry.h"

#include <sched.h>

/* A loop's claim on a signal; in the signal's list, the latest last. */
struct claim {
    struct eddyi_list link;
    struct eddyi_signals *owner;
    unsigned subscribers;
};

/* The state of a loop that has ever subscribed to a signal. */
struct eddyi_signals {
    struct eddyi_loop_part part;
    struct eddyi_signal_fifo arrived;
    struct eddyi_ready look;
    struct eddyi_list subscribers;
    struct claim claims[EDDYI_SIGNALS];
};

/*
 * A signal, for the process. The fields that the handler reads are atomic, the others are guarded
 * by the mutex: subscriptions begin in the main thread, but end with their loop, in whatever thread
 * that is closed.
 */
static struct entry {
    _Atomic(struct eddyi_signals *) taker;            /* the loop that gets it; NULL: none */
    _Atomic(struct eddyi_signal_fallback *) fallback; /* gets it if there is no loop */
    struct eddyi_list claims;                         /* next is NULL until the first use */
    /* the former action, while our handler is installed */
    struct sigaction before;
} entries[EDDYI_SIGNALS];

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static atomic_uint handlers_running;

void eddyi_signal_fifo_put(struct eddyi_signal_fifo *f, int signo)
{
    const unsigned room = sizeof f->numbers / sizeof f->numbers[0];
    unsigned head = atomic_load(&f->head);

    do {
        if (head - atomic_load(&f->tail) >= room) {
            atomic_fetch_add(&f->extra[signo], 1);
            atomic_store(&f->any_extra, true);
            return;
        }
    } while (!atomic_compare_exchange_weak(&f->head, &head, head + 1));
    atomic_store(&f->numbers[head % room], (unsigned char)signo);
}

static int take_extra(struct eddyi_signal_fifo *f)
{
    if (!atomic_load_explicit(&f->any_extra, memory_order_relaxed))
        return 0;
    for (int signo = 1; signo < EDDYI_SIGNALS; signo++) {
        if (atomic_load(&f->extra[signo]) > 0) {
            atomic_fetch_sub(&f->extra[signo], 1);
            return signo;
        }
    }
    /*
     * A writer counts first and sets the flag afterwards, so a reader that checks again in between
     * misses none.
     */
    atomic_store(&f->any_extra, false);
    for (int signo = 1; signo < EDDYI_SIGNALS; signo++)
        if (atomic_load(&f->extra[signo]) > 0)
            atomic_store(&f->any_extra, true);
    return 0;
}

int eddyi_signal_fifo_take(struct eddyi_signal_fifo *f)
{
    unsigned tail = atomic_load(&f->tail);
    atomic_uchar *place = &f->numbers[tail % (sizeof f->numbers / sizeof f->numbers[0])];
    int signo;

    if (tail == atomic_load(&f->head))
        return take_extra(f);
    signo = atomic_exchange(place, 0);
    /* 0: its writer, in another thread, wakes the loop once it has stored the number. */
    if (signo)
        atomic_store(&f->tail, tail + 1);
    return signo;
}

void eddyi_signal_handler_enter(void)
{
    atomic_fetch_add(&handlers_running, 1);
}

void eddyi_signal_handler_leave(void)
{
    atomic_fetch_sub(&handlers_running, 1);
}

void eddyi_signal_handlers_wait(void)
{
    while (atomic_load(&handlers_running) > 0)
        sched_yield();
}

static void handle(int signo)
{
    struct entry *entry = &entries[signo];
    struct eddyi_signals *taker;
    struct eddyi_signal_fallback *fallback;
    int saved = errno;

    eddyi_signal_handler_enter();
    taker = atomic_load(&entry->taker);
    fallback = atomic_load(&entry->fallback);
    if (taker) {
        eddyi_signal_fifo_put(&taker->arrived, signo);
        eddyi_loop_signal(taker->part.loop);
    } else if (fallback) {
        fallback->strike(fallback);
    }
    eddyi_signal_handler_leave();
    errno = saved;
}

void eddyi_signal_by_default(int signo)
{
    struct sigaction standard = {.sa_handler = SIG_DFL};
    sigset_t set;

    eddyi_sys_sigaction(signo, &standard, NULL);
    sigemptyset(&set);
    sigaddset(&set, signo);
    raise(signo);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static bool is_ours(const struct sigaction *action)
{
    return !(action->sa_flags & SA_SIGINFO) && action->sa_handler == handle;
}

/*
 * Installs the handler. SA_RESTART: the program's system calls must not fail because of it.
 * SA_ONSTACK: the stack of a task may have no room for a signal's frame. Every signal is blocked
 * meanwhile, only to keep the depth of that stack at one.
 */
static int install(int signo)
{
    struct sigaction ours = {.sa_handler = handle, .sa_flags = SA_RESTART | SA_ONSTACK}, now;
    int rc = eddyi_sys_sigaction(signo, NULL, &now);

    if (rc < 0 || is_ours(&now))
        return rc;
    entries[signo].before = now;
    sigfillset(&ours.sa_mask);
    return eddyi_sys_sigaction(signo, &ours, NULL);
}

/* Restores the former action, unless the program has installed another handler meanwhile. */
static void restore(int signo)
{
    struct sigaction now;

    if (eddyi_sys_sigaction(signo, NULL, &now) == 0 && is_ours(&now))
        eddyi_sys_sigaction(signo, &entries[signo].before, NULL);
}

static struct eddyi_list *claims_on(int signo)
{
    struct eddyi_list *claims = &entries[signo].claims;

    if (!claims->next)
        eddyi_list_init(claims);
    return claims;
}

/* Stores the loop that gets the signal, for the handler, after the claims on it have changed. */
static void choose_taker(int signo)
{
    struct eddyi_list *claims = claims_on(signo);
    struct claim *last =
        eddyi_list_empty(claims) ? NULL : eddyi_container(claims->prev, struct claim, link);

    atomic_store(&entries[signo].taker, last ? last->owner : NULL);
    if (!last && !atomic_load(&entries[signo].fallback))
        restore(signo);
}

static int add_claim(struct eddyi_signals *signals, int signo)
{
    struct claim *claim = &signals->claims[signo];
    int rc;

    pthread_mutex_lock(&mutex);
    rc = install(signo);
    if (rc == 0 && claim->subscribers++ == 0) {
        eddyi_list_append(claims_on(signo), &claim->link);
        choose_taker(signo);
    }
    pthread_mutex_unlock(&mutex);
    return rc;
}

static void drop_claim(struct eddyi_signals *signals, int signo)
{
    struct claim *claim = &signals->claims[signo];

    pthread_mutex_lock(&mutex);
    if (--claim->subscribers == 0) {
        eddyi_list_remove(&claim->link);
        choose_taker(signo);
    }
    pthread_mutex_unlock(&mutex);
}

static void end_subscription(struct eddyi_signals *signals, struct eddyi_signal_subscriber *s)
{
    eddyi_list_remove(&s->link);
    drop_claim(signals, s->signo);
}

static void close_part(struct eddyi_loop_part *part)
{
    struct eddyi_signals *signals = eddyi_container(part, struct eddyi_signals, part);

    while (!eddyi_list_empty(&signals->subscribers))
        end_subscription(signals, eddyi_container(signals->subscribers.next,
                                                  struct eddyi_signal_subscriber, link));
    part->loop->signal.subscriptions = NULL;
    eddyi_signal_handlers_wait();
    eddyi_ready_cancel(&signals->look);
    eddyi_free(signals);
}

static void deliver_all(struct eddyi_signals *signals)
{
    int signo;

    while ((signo = eddyi_signal_fifo_take(&signals->arrived)) != 0) {
        EDDYI_LIST_EACH(l, &signals->subscribers) {
            struct eddyi_signal_subscriber *s =
                eddyi_container(l, struct eddyi_signal_subscriber, link);

            if (s->signo == signo)
                s->deliver(s);
        }
    }
}

static void look(struct eddyi_ready *r)
{
    deliver_all(eddyi_container(r, struct eddyi_signals, look));
}

void eddyi_signal_look(eddy_loop *loop)
{
    if (loop->signal.subscriptions)
        deliver_all(loop->signal.subscriptions);
}

static void init_part(struct eddyi_loop_part *part)
{
    struct eddyi_signals *signals = eddyi_container(part, struct eddyi_signals, part);

    eddyi_list_init(&signals->subscribers);
    eddyi_ready_init(&signals->look, look);
    for (int i = 0; i < EDDYI_SIGNALS; i++) {
        signals->claims[i].owner = signals;
        eddyi_list_init(&signals->claims[i].link);
    }
    part->loop->signal.subscriptions = signals;
}

/* Returns the loop's signals, made at the first subscription; NULL when memory is short. */
static struct eddyi_signals *signals_of(eddy_loop *loop)
{
    static const struct eddyi_part_kind kind = {
        .size = sizeof(struct eddyi_signals), .init = init_part, .close = close_part};

    return eddyi_loop_part(loop, &kind);
}

int eddyi_signal_check(int signo)
{
    struct sigaction now;

    switch (signo) {
    case SIGKILL:
    case SIGSTOP:
        return eddy_raise(-EINVAL, "signal %d cannot be caught", signo);
    case SIGSEGV:
    case SIGBUS:
    case SIGFPE:
    case SIGILL:
        return eddy_raise(
            -EINVAL, "signal %d says that the program is broken; a callback cannot handle that",
            signo);
    }
    /* The C library reserves some signals. */
    if (signo < 1 || signo >= EDDYI_SIGNALS || eddyi_sys_sigaction(signo, NULL, &now) < 0)
        return eddy_raise(-EINVAL, "invalid signal number %d", signo);
    if (!eddyi_sys_is_main_thread())
        return eddy_raise(EDDY_ETHREAD, "signals can only be handled in the main thread");
    return 0;
}

int eddyi_signal_subscribe(eddy_loop *loop, struct eddyi_signal_subscriber *s, int signo)
{
    struct eddyi_signals *signals;
    int rc = eddyi_loop_check(loop);

    eddyi_list_init(&s->link);
    if (rc == 0)
        rc = eddyi_signal_check(signo);
    if (rc < 0)
        return rc;
    signals = signals_of(loop);
    rc = signals ? add_claim(signals, signo) : -ENOMEM;
    if (rc < 0)
        return eddy_raise(rc, "signal %d cannot be handled", signo);
    s->loop = loop;
    s->signo = signo;
    eddyi_list_append(&signals->subscribers, &s->link);
    return 0;
}

void eddyi_signal_unsubscribe(struct eddyi_signal_subscriber *s)
{
    if (eddyi_list_empty(&s->link) || eddyi_loop_forked(s->loop))
        return;
    end_subscription(s->loop->signal.subscriptions, s);
}

bool eddyi_signal_is_subscribed(int signo)
{
    return atomic_load(&entries[signo].taker) != NULL;
}

bool eddyi_signal_fallback_begin(struct eddyi_signal_fallback *f, int signo)
{
    struct sigaction now;
    bool begun = false;

    if (!eddyi_sys_is_main_thread())
        return false;
    pthread_mutex_lock(&mutex);
    if (eddyi_sys_sigaction(signo, NULL, &now) == 0 && !(now.sa_flags & SA_SIGINFO) &&
        now.sa_handler == SIG_DFL) {
        f->signo = signo;
        atomic_store(&entries[signo].fallback, f);
        begun = install(signo) == 0;
        if (!begun)
            atomic_store(&entries[signo].fallback, NULL);
    }
    pthread_mutex_unlock(&mutex);
    return begun;
}

void eddyi_signal_fallback_end(struct eddyi_signal_fallback *f)
{
    pthread_mutex_lock(&mutex);
    atomic_store(&entries[f->signo].fallback, NULL);
    choose_taker(f->signo);
    pthread_mutex_unlock(&mutex);
    eddyi_signal_handlers_wait();
}

/*
 * The signal mask of the thread that forks. Until the child has restored the actions, a signal to
 * it would run our handler, and wake the parent's loop, so signals are blocked until then.
 */
static EDDYI_THREAD_LOCAL sigset_t mask_before_fork;

void eddyi_signals_before_fork(void)
{
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &mask_before_fork);
    pthread_mutex_lock(&mutex);
}

static void forget_entry(int signo)
{
    struct entry *entry = &entries[signo];

    if (!atomic_load(&entry->taker) && !atomic_load(&entry->fallback))
        return;
    atomic_store(&entry->taker, NULL);
    atomic_store(&entry->fallback, NULL);
    eddyi_list_init(&entry->claims);
    restore(signo);
}

void eddyi_signals_after_fork(bool in_child)
{
    pthread_mutex_unlock(&mutex);
    if (in_child) {
        atomic_store(&handlers_running, 0); /* of other threads, which do not exist here */
        for (int signo = 1; signo < EDDYI_SIGNALS; signo++)
            forget_entry(signo);
    }
    pthread_sigmask(SIG_SETMASK, &mask_before_fork, NULL);
}

void eddyi_signals_notice(eddy_loop *loop)
{
    if (atomic_load_explicit(&loop->introspection.dump_wanted, memory_order_relaxed))
        eddyi_dump_hook(loop);
    if (loop->signal.handler)
        loop->signal.handler(loop, loop->signal.handler_arg);
    if (loop->signal.subscriptions && eddyi_list_empty(&loop->signal.subscriptions->look.link))
        eddyi_loop_ready(loop, &loop->signal.subscriptions->look);
}
