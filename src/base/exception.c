#include "base/exception.h"

#include "base/log.h"
#include "base/refs.h"
#include "base/sys.h"
#include "base/thread.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

/*
 * One allocation: the struct, n_members pointers, the message with its terminator.
 */
struct eddy_exception {
    atomic_uint refs;
    int code;
    const char *message; /* "" if there is none */
    size_t n_members;
    eddy_exception *members[];
};

/* Exceptions that exist without memory. Their counts start so high that they are never freed. */
static struct eddy_exception no_memory = {.refs = 1u << 30, .code = -ENOMEM, .message = ""};

static struct eddy_exception generator_exit = {
    .refs = 1u << 30, .code = EDDY_EGENERATOREXIT, .message = ""};

eddy_exception *eddyi_exception_no_memory(void)
{
    return &no_memory;
}

eddy_exception *eddyi_exception_generator_exit(void)
{
    return &generator_exit;
}

static eddy_exception *make(int code, size_t n_members, size_t message_size)
{
    size_t pointers = n_members * sizeof(eddy_exception *);
    eddy_exception *e = eddyi_alloc(sizeof *e + pointers + message_size);

    if (!e)
        return NULL;
    atomic_init(&e->refs, 1);
    e->code = eddyi_error_code(code);
    e->message = (char *)e->members + pointers;
    e->n_members = n_members;
    return e;
}

eddy_exception *eddyi_exception_vnew(int code, const char *fmt, va_list args)
{
    eddy_exception *e;
    va_list again;
    int length = 0;

    if (fmt) {
        va_copy(again, args);
        length = vsnprintf(NULL, 0, fmt, again);
        va_end(again);
        if (length < 0)
            length = 0;
    }
    e = make(code, 0, (size_t)length + 1);
    if (!e)
        return NULL;
    if (length > 0)
        vsnprintf((char *)e->members, (size_t)length + 1, fmt, args);
    else
        *(char *)e->members = '\0';
    return e;
}

eddy_exception *eddy_exception_new(int code, const char *fmt, ...)
{
    eddy_exception *e;
    va_list args;

    va_start(args, fmt);
    e = eddyi_exception_vnew(code, fmt, args);
    va_end(args);
    return e;
}

eddy_exception *eddy_exception_group_new(const char *message, eddy_exception *const *members,
                                         size_t n)
{
    size_t size = strlen(message ? message : "") + 1;
    eddy_exception *e = make(EDDY_EGROUP, n, size);

    if (!e)
        return NULL;
    for (size_t i = 0; i < n; i++)
        e->members[i] = eddy_exception_ref(members[i] ? members[i] : &no_memory);
    memcpy((char *)(e->members + n), message ? message : "", size);
    return e;
}

eddy_exception *eddy_exception_ref(const eddy_exception *e)
{
    eddy_exception *mine = (eddy_exception *)e;

    if (mine)
        atomic_fetch_add_explicit(&mine->refs, 1, memory_order_relaxed);
    return mine;
}

/* Drops a reference. Puts @e, if it was the last one, before *doomed, a list that is linked through
 * the messages, which are not read any more. */
static void unref(eddy_exception *e, eddy_exception **doomed)
{
    if (!eddyi_refs_drop_shared(&e->refs))
        return;
    e->message = (const char *)*doomed;
    *doomed = e;
}

/* Drops a reference without recursion: members have members, to any depth. */
void eddy_exception_unref(const eddy_exception *e)
{
    eddy_exception *doomed = NULL;

    if (e)
        unref((eddy_exception *)e, &doomed);
    while (doomed) {
        eddy_exception *one = doomed;

        doomed = (eddy_exception *)one->message;
        for (size_t i = 0; i < one->n_members; i++)
            unref(one->members[i], &doomed);
        eddyi_free(one);
    }
}

int eddy_exception_code(const eddy_exception *e)
{
    return e ? e->code : 0;
}

const char *eddy_exception_message(const eddy_exception *e)
{
    return e ? e->message : "";
}

size_t eddy_exception_count(const eddy_exception *e)
{
    return e ? e->n_members : 0;
}

const eddy_exception *eddy_exception_member(const eddy_exception *e, size_t i)
{
    return i < eddy_exception_count(e) ? e->members[i] : NULL;
}

/* A buffer that also counts what does not fit, as snprintf() does. */
struct writer {
    char *buf;
    size_t size, length;
};

static void append(struct writer *w, const char *text)
{
    for (; *text; text++, w->length++)
        if (w->length + 1 < w->size)
            w->buf[w->length] = *text;
}

/* A group that is being written: its next member follows after the members of the groups within
 * it. */
struct level {
    const eddy_exception *e;
    size_t next;
};

/* The open levels, in memory of their own once there are many. */
struct levels {
    struct level few[32], *all;
    size_t n, room;
};

static bool open_level(struct levels *l, const eddy_exception *e)
{
    struct level *grown;

    if (l->n == l->room) {
        grown = eddyi_realloc(l->all == l->few ? NULL : l->all, 2 * l->room * sizeof *grown);
        if (!grown)
            return false;
        if (l->all == l->few)
            memcpy(grown, l->few, sizeof l->few);
        l->all = grown;
        l->room *= 2;
    }
    l->all[l->n++] = (struct level){e, 0};
    return true;
}

static void begin(struct writer *w, const eddy_exception *e)
{
    if (*e->message) {
        append(w, e->message);
        append(w, " (");
    }
    append(w, eddy_strerror(e->code));
}

static void end(struct writer *w, const eddy_exception *e)
{
    if (*e->message)
        append(w, ")");
}

/* Writes the next member of the innermost group, or ends that group. */
static void go_on(struct writer *w, struct levels *l)
{
    struct level *top = &l->all[l->n - 1];
    const eddy_exception *member;

    if (top->next == top->e->n_members) {
        end(w, top->e);
        l->n--;
        return;
    }
    append(w, top->next ? "; " : ": ");
    member = top->e->members[top->next++];
    begin(w, member);
    if (member->n_members > 0 && open_level(l, member))
        return;
    append(w, member->n_members > 0 ? ": …" : "");
    end(w, member);
}

int eddy_exception_format(const eddy_exception *e, char *buf, size_t size)
{
    struct writer w = {buf, size, 0};
    struct levels l = {.all = l.few, .room = sizeof l.few / sizeof l.few[0]};

    if (e) {
        begin(&w, e);
        open_level(&l, e);
    }
    /* Groups that share members can stand for more text than fits into memory. */
    while (l.n > 0 && w.length < INT_MAX / 2)
        go_on(&w, &l);
    if (l.all != l.few)
        eddyi_free(l.all);
    if (size)
        buf[w.length < size ? w.length : size - 1] = '\0';
    return (int)w.length;
}

/* The latest failure: of the task that failed, or of the thread outside of tasks. */

void eddyi_error_set(struct eddyi_error *error, int code, eddy_exception *e)
{
    eddy_exception *old = error->exception;

    error->code = code;
    error->exception = e;
    eddy_exception_unref(old);
}

void eddyi_error_clear(struct eddyi_error *error)
{
    eddyi_error_set(error, 0, NULL);
}

/* Returns the exception, creating it if need be; NULL if nothing failed. Borrowed from @error. */
static const eddy_exception *get(struct eddyi_error *error)
{
    if (!error->exception && error->code < 0) {
        error->exception = eddy_exception_new(error->code, NULL);
        if (!error->exception)
            return eddyi_exception_no_memory();
    }
    return error->exception;
}

static EDDYI_THREAD_LOCAL struct eddyi_error thread_error;

static void clear_thread_error(void)
{
    eddyi_error_clear(&thread_error);
}

EDDYI_THREAD_LOCAL eddy_task *const *eddyi_error_task;

static atomic_size_t offset_in_task;

void eddyi_error_set_offset(size_t offset)
{
    atomic_store_explicit(&offset_in_task, offset, memory_order_relaxed);
}

struct eddyi_error *eddyi_error_here(void)
{
    if (eddyi_error_task && *eddyi_error_task)
        return (struct eddyi_error *)(void *)((char *)*eddyi_error_task +
                                              atomic_load_explicit(&offset_in_task,
                                                                   memory_order_relaxed));
    eddyi_thread_at_exit(clear_thread_error);
    return &thread_error;
}

struct eddyi_error eddyi_error_put_aside(void)
{
    struct eddyi_error *here = eddyi_error_here(), kept = *here;

    *here = (struct eddyi_error){0};
    return kept;
}

void eddyi_error_put_back(struct eddyi_error kept)
{
    struct eddyi_error *here = eddyi_error_here();

    eddyi_error_clear(here);
    *here = kept;
}

int eddyi_error_latest(int otherwise)
{
    int code = eddyi_error_here()->code;

    return code < 0 ? code : otherwise;
}

const eddy_exception *eddyi_error_of(int status)
{
    struct eddyi_error *error = eddyi_error_here();

    return status < 0 && error->code == status ? get(error) : NULL;
}

eddy_exception *eddyi_error_take(struct eddyi_error *error, int status)
{
    eddy_exception *e = NULL;

    if (status < 0 && error->code == status) {
        e = error->exception;
        error->exception = NULL;
    }
    eddyi_error_clear(error);
    return e;
}

void eddyi_error_format(int status, char *buf, size_t size)
{
    const eddy_exception *e = eddyi_error_of(status);

    if (e)
        eddy_exception_format(e, buf, size);
    else
        snprintf(buf, size, "%s", eddy_strerror(status));
}

void eddy_error_clear(void)
{
    eddyi_error_clear(eddyi_error_here());
}

void eddy_perror(const char *what)
{
    const eddy_exception *e = eddy_error();
    char text[1000] = "no error";

    if (e)
        eddy_exception_format(e, text, sizeof text);
    what = what ? what : "";
    if (eddyi_log_is_taken())
        eddyi_log(EDDY_LOG_ERROR, "%s%s%s", what, *what ? ": " : "", text);
    else
        fprintf(stderr, "%s%s%s\n", what, *what ? ": " : "", text);
}

const eddy_exception *eddy_error(void)
{
    return get(eddyi_error_here());
}

int eddy_raise(int code, const char *fmt, ...)
{
    eddy_exception *e = NULL;
    va_list args;

    code = eddyi_error_code(code);
    if (fmt) {
        va_start(args, fmt);
        e = eddyi_exception_vnew(code, fmt, args);
        va_end(args);
    }
    eddyi_error_set(eddyi_error_here(), code, e);
    return code;
}

int eddy_reraise(const eddy_exception *e)
{
    if (!e)
        return eddy_raise(EDDY_EMISUSE, "reraise: there is no exception");
    eddyi_error_set(eddyi_error_here(), eddy_exception_code(e), eddy_exception_ref(e));
    return eddy_exception_code(e);
}
