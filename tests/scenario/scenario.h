/*
 * The scenario runner: runs small asyncio programs written as JSON and tells what happened, line by
 * line. README.md describes the language.
 *
 *   main.c      reads programs, writes traces
 *   run.c       one program: its loop, its main task, its end, and clearing up after it
 *   coroutine.c coroutines, blocks, and how an op prints and fails
 *   names.c     the table of names; ops.c the table of ops
 *   show.c      trace lines, values and errors as text
 *   ops_*.c     the ops themselves, by area
 *
 * A new area of the language is one more ops_*.c: it defines its kinds and its ops, and registers
 * them.
 *
 * Values are JSON values, borrowed from the program. They travel through eddy as the pointer beside
 * a status. A NULL pointer means that the value is not the program's own: the list of a gather, see
 * show_result().
 */
#ifndef SCENARIO_H
#define SCENARIO_H

#include "arena.h"
#include "text.h"

#include <eddy.h>
#include <jansson.h>

#define TICKS_PER_SECOND 512

/* How deep calls and blocks may nest: Python's RecursionError, and what a task's stack is made
 * for. */
#define MAX_DEPTH 1000
#define STACK_SIZE (4u << 20)

/* A program that does more than this is as good as endless; its trace is cut. Every coroutine that
 * ends prints a line. */
#define MAX_STEPS 2000000
#define MAX_COROUTINES 10000

#define MAX_LINES 4000

struct scenario {
    struct arena arena;
    const json_t *coros; /* name -> [op…] */
    json_t *trace;
    eddy_loop *loop;
    struct object *names;   /* the newest first, so that a name bound again hides its older self */
    struct object *objects; /* every object ever bound */
    struct variable *variables;
    long steps;      /* ops and rounds of repeat so far */
    long coroutines; /* made so far */
    /* nothing is traced any more, and every op fails: all tasks come to their end */
    bool over;
};

/* The kinds of objects that a name can stand for. A kind may be a special case of another, as a
 * Task is a Future. */
struct kind {
    const char *name;
    const struct kind *is_a;
};
extern const struct kind kind_future, kind_task, kind_gather, kind_shield, kind_handle,
    kind_timeout, kind_group;

struct object {
    const struct kind *kind;
    const char *name;
    struct object *next_name;
    struct object *next_object;
    eddy_future *future; /* owned; only of futures and their kinds, NULL for others */
    /* what a gather or shield was made of; NULL where that was a coroutine */
    struct object **inner;
    size_t n_inner;
    eddy_handle handle; /* of a handle */
    /* of a timeout; in the arena, for it is asked after its scope has ended */
    eddy_timeout *timeout;
    eddy_group *group;        /* of a group, likewise */
    void *data;               /* of any other kind: whatever the file that makes it likes */
    void (*free)(void *data); /* NULL: nothing to do */
};

/* Where the ops that run belong to: one coroutine, or one plain callback. */
struct frame {
    struct scenario *sc;
    bool in_task; /* false: a plain callback, which cannot wait */
    int depth;
    json_t *result; /* of a "return" under way */
    /* on its way up; owned. eddy_error() would not outlive the next failure */
    eddy_exception *error;
};

/* How a block, or an op with blocks, came to its end. */
enum flow { FLOW_RAISED = -1, FLOW_ON = 0, FLOW_RETURN = 1 };

/* One op being run. */
struct step {
    struct scenario *sc;
    struct frame *frame;
    const json_t *op;
    struct object *object; /* what its USES_… name stands for */
    const char *text;      /* of an observed await, if it is not the first words of the op */
    struct text value;     /* what it gave; "none" if it is empty */
};

enum op_style {
    OP_SILENT,   /* LABEL !! ERROR if it fails; nothing else, and the error goes no further */
    OP_PLAIN,    /* LABEL -> VALUE or LABEL !! ERROR; the error goes no further */
    OP_OBSERVED, /* TEXT -> VALUE or TEXT !! ERROR; the error goes on upwards; needs a task */
    OP_BLOCK,    /* prints for itself and gives a flow; needs a task */
    OP_FLOW,     /* the same, also in a plain callback */
};

enum op_uses { USES_NOTHING, USES_FIRST, USES_SECOND, USES_LIST_FIRST, USES_LIST_SECOND };

struct op {
    const char *word;
    enum op_style style;
    enum op_uses uses;          /* which argument, or list, has names that must be bound */
    const struct kind *wants;   /* what that name must stand for; NULL: anything */
    int (*run)(struct step *s); /* a status of eddy's; of OP_BLOCK and OP_FLOW a flow */
    int words;                  /* how many words make the TEXT, the op's own included; 0: two */
};

/* ops.c. OPS_REGISTER(table) in the file that defines the table makes its ops known. */
const struct op *ops_find(const char *word);
struct op_table {
    const struct op *ops;
    size_t n;
    struct op_table *next;
};
void ops_register(struct op_table *table);
#define OPS_REGISTER(table)                                                                        \
    __attribute__((constructor)) static void register_##table(void)                                \
    {                                                                                              \
        static struct op_table all = {(table), sizeof(table) / sizeof(table)[0], NULL};            \
        ops_register(&all);                                                                        \
    }

/* The i-th argument of an op, 1 being the first; "" or 0 where it is missing. */
const char *arg_string(const struct step *s, size_t i);
long long arg_int(const struct step *s, size_t i);
json_t *arg(const struct step *s, size_t i);
/* Ticks as seconds; null is EDDY_FOREVER. */
double arg_seconds(const struct step *s, size_t i);

/* names.c */
struct object *names_find(struct scenario *sc, const char *name);
struct object *names_bind(struct scenario *sc, const char *name, const struct kind *kind);
/* Binds a future, which it takes over. Returns 0, or the error of the call that gave NULL. */
int names_bind_future(struct scenario *sc, const char *name, const struct kind *kind,
                      eddy_future *f);
/* Has free(data) called when the program has ended. */
void names_keep(struct scenario *sc, void *data, void (*free)(void *data));
bool object_is(const struct object *o, const struct kind *kind);
void names_free(struct scenario *sc);

/* show.c */
void trace(struct scenario *sc, const char *text, const char *outcome);
void trace_as(struct scenario *sc, const char *who, const char *text, const char *outcome);
void show_error(struct text *t, const eddy_exception *e);
void show_json(struct text *t, const json_t *value);
/* Returns the value that @o was finished with: @value, or the list of a gather behind it. */
void show_result(struct text *t, const struct object *o, const json_t *value);
/* "TEXT -> VALUE" and "TEXT !! ERROR". */
void trace_value(struct scenario *sc, const char *text, const struct text *value);
void trace_error(struct scenario *sc, const char *text, const eddy_exception *e);

/* coroutine.c */
eddy_coroutine *make_coroutine(struct scenario *sc, const char *name, const char *label, int depth);
enum flow run_block(struct frame *f, const json_t *ops);
/* The error behind @status, which the call just made returned; the caller owns a reference. */
eddy_exception *take_error(int status);
/* Makes @e, which it takes over, the error on its way up. */
enum flow frame_raise(struct frame *f, eddy_exception *e);
void frame_clear_error(struct frame *f);

/* run.c */
json_t *run_scenario(const json_t *coros);
/* Ends the program with a last line; its tasks are then brought to their ends. */
void cut(struct scenario *sc);
/* Before everything that can be repeated without an end: counts it, and says whether the program
 * goes on. */
bool count_step(struct scenario *sc);

#define USER_ERROR (EDDY_EUSER - 1)

#endif
