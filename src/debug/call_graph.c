/*
 * The call graph of a future: its waiters, their waiters in turn, and the position of each.
 *
 * A gather or shield in between is skipped, as in asyncio: its waiters count as waiters of its
 * children. The graph is built and walked without recursion, because chains of tasks may be longer
 * than a stack is deep.
 */
#include "base/options.h"
#include "base/sys.h"
#include "debug/symbols.h"
#include "eddy/debug.h"
#include "eddy/error.h"
#include "loop/loop.h"
#include "task/coroutine.h"
#include "task/wait_graph.h"

#include <stdio.h>
#include <string.h>

enum {
    MAX_NODES = 10000, /* a graph that branches and joins again has many paths */
    MAX_INDENT = 60,   /* levels: deeper ones are printed like the last */
    PLACE_SIZE = 96
};

/* A node of the graph. The public part comes first. */
struct node {
    eddy_future_call_graph public;
    struct node *parent; /* NULL: the first */
    int indent;
    size_t index;            /* in the parent's awaited_by */
    struct node *next_built; /* the node to expand after this one */
    struct node **children;
    size_t room;
};

/* The text that an entry may need. */
struct place {
    char text[PLACE_SIZE];
};

struct building {
    eddy_call_graph_options options;
    struct eddyi_symbols symbols;
    struct node *last; /* of the list of nodes built */
    size_t n;
};

static struct node *node_of(const eddy_future_call_graph *public)
{
    return (struct node *)(uintptr_t) public;
}

static const char *place_of(const eddy_coroutine *coro, struct building *b, char *buf)
{
    size_t offset;
    const char *function;

    if (coro->where || !coro->caller)
        return coro->where;
    function = eddyi_symbols_function(&b->symbols, coro->caller, &offset);
    if (!function)
        return NULL;
    snprintf(buf, PLACE_SIZE, "%s+0x%zx", function, offset);
    return buf;
}

/*
 * Returns the range of the @n coroutines to show, the innermost being number 0: from *ret_from up
 * to, not including, the result.
 */
static size_t wanted(const eddy_call_graph_options *options, bool is_current, size_t n,
                     size_t *ret_from)
{
    size_t from = is_current && options->depth < n ? options->depth
                  : is_current && options->depth   ? n
                                                   : 0;
    size_t limit = (size_t)labs((long)options->limit);

    if (limit > 0 && limit < n - from) {
        if (options->limit < 0)
            n = from + limit;
        else
            from = n - limit;
    }
    *ret_from = from;
    return n;
}

static int capture_stack(struct building *b, struct node *node)
{
    eddy_future_call_graph *public = &node->public;
    const eddy_task *t = eddy_future_as_task(public->future);
    size_t n = 0, from, i = 0;
    eddy_frame_call_graph_entry *entries;
    struct place *places;

    if (!t || b->options.no_stack)
        return 0;
    for (const eddy_coroutine *c = t->coro; c; c = c->outer)
        n++;
    n = wanted(&b->options, t == t->future.loop->tasks.current, n, &from);
    /* The entries, followed by their texts. */
    entries = eddyi_alloc((n - from) * (sizeof *entries + sizeof *places));
    if (!entries)
        return -ENOMEM;
    places = (struct place *)(void *)(entries + (n - from));
    for (const eddy_coroutine *c = t->coro; c && i < n; c = c->outer, i++) {
        if (i < from)
            continue;
        entries[i - from].function = c->name;
        entries[i - from].where = place_of(c, b, places[i - from].text);
    }
    public->call_stack = entries;
    public->n_call_stack = n - from;
    return 0;
}

static bool is_on_path(const struct node *node, const eddy_future *f)
{
    for (; node; node = node->parent)
        if (node->public.future == f)
            return true;
    return false;
}

static struct node *node_new(struct building *b, eddy_future *f)
{
    struct node *node = eddyi_zalloc(sizeof *node);

    if (!node)
        return NULL;
    node->public.future = eddy_future_ref(f);
    if (b->last)
        b->last->next_built = node;
    b->last = node;
    b->n++;
    return node;
}

static int add_child(struct building *b, struct node *parent, eddy_future *f)
{
    eddy_future_call_graph *public = &parent->public;
    struct node *child, **grown;

    if (is_on_path(parent, f) || b->n >= MAX_NODES) {
        public->cut = true;
        return 0;
    }
    if (public->n_awaited_by == parent->room) {
        parent->room = parent->room ? 2 * parent->room : 4;
        grown = eddyi_realloc(parent->children, parent->room * sizeof *grown);
        if (!grown)
            return -ENOMEM;
        parent->children = grown;
        public->awaited_by = (eddy_future_call_graph *const *)(void *)grown;
    }
    child = node_new(b, f);
    if (!child)
        return -ENOMEM;
    child->parent = parent;
    child->indent = parent->indent < MAX_INDENT ? parent->indent + 1 : MAX_INDENT;
    child->index = public->n_awaited_by;
    parent->children[public->n_awaited_by++] = child;
    return 0;
}

struct below {
    struct building *b;
    struct node *node;
};

static int add_waiter(eddy_task *waiter, void *arg)
{
    struct below *below = arg;

    return add_child(below->b, below->node, &waiter->future);
}

/* Returns the next node in the order of printing: a node, its first child with all below that, the
 * second … */
static struct node *next_in_order(const struct node *node)
{
    if (node->public.n_awaited_by > 0)
        return node->children[0];
    for (; node->parent; node = node->parent)
        if (node->index + 1 < node->parent->public.n_awaited_by)
            return node->parent->children[node->index + 1];
    return NULL;
}

void eddy_call_graph_free(eddy_future_call_graph *graph)
{
    struct node *next;

    for (struct node *node = node_of(graph); node; node = next) {
        next = node->next_built;
        eddyi_free((void *)(uintptr_t)node->public.call_stack);
        eddyi_free(node->children);
        eddy_future_unref(node->public.future);
        eddyi_free(node);
    }
}

static int build(struct building *b, eddy_future *f, eddy_future_call_graph **ret)
{
    struct node *first = node_new(b, f);
    int rc = first ? 0 : -ENOMEM;

    for (struct node *node = first; node && rc == 0; node = node->next_built) {
        rc = capture_stack(b, node);
        if (rc == 0)
            rc = eddyi_waiters_each(node->public.future, add_waiter, &(struct below){b, node});
    }
    eddyi_symbols_fini(&b->symbols);
    if (rc < 0) {
        eddy_call_graph_free(first ? &first->public : NULL);
        return eddy_raise(rc, NULL);
    }
    *ret = &first->public;
    return 0;
}

int(eddy_capture_call_graph)(eddy_future *future, const eddy_call_graph_options *options,
                             eddy_future_call_graph **ret, size_t options_size)
{
    EDDYI_OPTIONS(eddy_call_graph_options, options, options_size, -E2BIG);
    struct building b = {.options = options ? *options : (eddy_call_graph_options){0}};
    int rc = eddyi_loop_check(future ? future->loop : eddyi_loop_running);

    if (rc < 0)
        return rc;
    if (!ret)
        return eddy_raise(-EINVAL, "capture_call_graph: there is no place for the graph");
    if (!future && !eddyi_loop_running->tasks.current) {
        *ret = NULL;
        return 0;
    }
    return build(&b, future ? future : &eddyi_loop_running->tasks.current->future, ret);
}

/* Text that counts as snprintf() does: characters without room are counted as well. */
struct text {
    char *buf;
    size_t size, length;
};

static __attribute__((format(printf, 2, 3))) void add(struct text *t, const char *fmt, ...)
{
    bool room = t->length < t->size;
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(room ? t->buf + t->length : NULL, room ? t->size - t->length : 0, fmt, args);
    va_end(args);
    if (n > 0)
        t->length += (size_t)n;
}

static void add_node(struct text *t, const struct node *node)
{
    const eddy_future_call_graph *public = &node->public;
    int indent = node->indent * 4;
    char name[100];

    if (eddy_future_as_task(public->future)) {
        eddyi_task_print_name(eddyi_task_of(public->future), name, sizeof name);
        add(t, "%*s* Task(name='%s', id=%p)\n", indent, "", name, (void *)public->future);
    } else {
        add(t, "%*s* Future(id=%p)\n", indent, "", (void *)public->future);
    }
    if (public->n_call_stack > 0)
        add(t, "%*s  + Call stack:\n", indent, "");
    for (size_t i = 0; i < public->n_call_stack; i++) {
        const eddy_frame_call_graph_entry *e = &public->call_stack[i];

        add(t, "%*s  |   async %s()%s%s\n", indent, "", e->function, e->where ? ", made at " : "",
            e->where ? e->where : "");
    }
    if (public->n_awaited_by > 0)
        add(t, "%*s  + Awaited by:\n", indent, "");
    if (public->cut)
        add(t, "%*s  + Awaited by one of those above, in a cycle, or by too many\n", indent, "");
}

static void add_graph(struct text *t, const eddy_future_call_graph *graph)
{
    for (const struct node *node = node_of(graph); node; node = next_in_order(node))
        add_node(t, node);
}

int(eddy_format_call_graph)(eddy_future *future, const eddy_call_graph_options *options, char *buf,
                            size_t size, size_t options_size)
{
    EDDYI_OPTIONS(eddy_call_graph_options, options, options_size, -E2BIG);
    struct text t = {.buf = buf, .size = size};
    eddy_future_call_graph *graph;
    int rc = eddy_capture_call_graph(future, options, &graph);

    if (rc < 0)
        return rc;
    if (size > 0)
        buf[0] = '\0';
    add_graph(&t, graph);
    eddy_call_graph_free(graph);
    return (int)t.length;
}

int(eddy_print_call_graph)(eddy_future *future, const eddy_call_graph_options *options, FILE *file,
                           size_t options_size)
{
    EDDYI_OPTIONS(eddy_call_graph_options, options, options_size, -E2BIG);
    eddy_future_call_graph *graph;
    struct text t = {.buf = NULL};
    int rc = eddy_capture_call_graph(future, options, &graph);

    if (rc < 0)
        return rc;
    add_graph(&t, graph);
    t.size = t.length + 1;
    t.length = 0;
    t.buf = eddyi_alloc(t.size);
    if (t.buf) {
        t.buf[0] = '\0';
        add_graph(&t, graph);
        fputs(t.buf, file ? file : stdout);
    } else {
        rc = eddy_raise(-ENOMEM, NULL);
    }
    eddyi_free(t.buf);
    eddy_call_graph_free(graph);
    return rc;
}
