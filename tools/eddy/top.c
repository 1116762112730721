/*
 * eddy top: the tasks of a process, refreshed. It is a program of eddy itself: it sleeps between
 * two pictures, and meanwhile listens to the keyboard and to the size of the terminal.
 */
#include "commands.h"
#include "eddy.h"
#include "target.h"
#include "tasks.h"
#include "text.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static struct target target; /* large, because it keeps the pages read */

struct top {
    const struct options *options;
    struct snapshot before; /* of the previous picture, for differences */
    double before_time;     /* 0: there is none */
    eddy_event wanted;      /* another picture is due, or the end */
    bool quit;
    int exit_code;
};

/* Sorts running tasks first, then ready ones, then those that have been waiting longest. */
static int compare(const void *a, const void *b)
{
    const struct task *x = *(const struct task *const *)a, *y = *(const struct task *const *)b;

    if (x->state != y->state)
        return (x->state > y->state) - (x->state < y->state);
    return (y->since > x->since) - (y->since < x->since);
}

static void print_tasks(const struct snapshot *s, size_t rows, size_t width)
{
    static const char *const titles[] = {"LOOP",      "NAME",       "STATE",     "FOR",
                                         "WAITS FOR", "COROUTINES", "AWAITED BY"};
    const struct task **sorted = calloc(s->n_tasks + 1, sizeof *sorted);
    struct table table;

    table_init(&table, titles, sizeof titles / sizeof titles[0]);
    for (size_t i = 0; sorted && i < s->n_tasks; i++)
        sorted[i] = &s->tasks[i];
    if (sorted)
        qsort(sorted, s->n_tasks, sizeof *sorted, compare);
    for (size_t i = 0; sorted && i < s->n_tasks && i < rows; i++) {
        char since[32] = "", waiters[200];

        if (sorted[i]->has_since)
            format_duration(sorted[i]->since, since, sizeof since);
        format_waiters(s, (size_t)(sorted[i] - s->tasks), waiters, sizeof waiters);
        table_add(&table, "%u", s->loops[sorted[i]->loop].number);
        table_add(&table, "%s", sorted[i]->name);
        table_add(&table, "%s", task_state_name(sorted[i]->state));
        table_add(&table, "%s", since);
        table_add(&table, "%s", sorted[i]->waits_for);
        table_add(&table, "%s", sorted[i]->coroutines);
        table_add(&table, "%s", waiters);
    }
    table_print(&table, rows, width);
    table_free(&table);
    free(sorted);
}

/* Returns the turns of a loop per second since the previous picture. */
static double turns_per_second(const struct top *top, const struct loop *loop, double now)
{
    for (size_t i = 0; i < top->before.n_loops; i++)
        if (top->before.loops[i].address == loop->address && now > top->before_time)
            return (double)(loop->turns - top->before.loops[i].turns) / (now - top->before_time);
    return 0;
}

static size_t print_header(const struct top *top, const struct snapshot *s, double now)
{
    size_t count[TASK_STATES] = {0};
    char command[64];

    for (size_t i = 0; i < s->n_tasks; i++)
        count[s->tasks[i].state]++;
    target_command(&target, command, sizeof command);
    printf("process %d (%s), %zu task%s:", target.pid, command, s->n_tasks,
           s->n_tasks == 1 ? "" : "s");
    for (int i = 0; i < TASK_STATES; i++)
        printf("%s %zu %s", i ? "," : "", count[i], task_state_name(i));
    printf("%s\n", s->torn ? " (some may be missing)" : "");
    for (size_t i = 0; i < s->n_loops; i++) {
        char activity[80];

        format_activity(&s->loops[i], activity, sizeof activity);
        printf("loop %u: %s, thread %d, %zu task%s, %.0f turns/s, %s\n", s->loops[i].number,
               s->loops[i].backend, s->loops[i].tid, s->loops[i].n_tasks,
               s->loops[i].n_tasks == 1 ? "" : "s", turns_per_second(top, &s->loops[i], now),
               activity);
    }
    printf("\n");
    return s->n_loops + 3; /* including the titles of the table */
}

static void size_of_terminal(size_t *ret_rows, size_t *ret_width)
{
    struct winsize size;
    bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0;

    *ret_rows = known ? size.ws_row : 24;
    *ret_width = known ? size.ws_col : 80;
}

static bool show(struct top *top)
{
    bool once = top->options->once;
    double now = eddy_loop_time(eddy_get_running_loop());
    size_t rows = (size_t)-1, width = 0, used;
    struct snapshot s;

    if (snapshot_take(&s, &target.memory, target.blocks, target.n_blocks) < 0)
        return false;
    if (!once) {
        size_of_terminal(&rows, &width);
        printf("\033[H\033[J"); /* moves the cursor to the beginning and clears all after it */
    }
    used = print_header(top, &s, now);
    print_tasks(&s, rows > used + 1 ? rows - used - 1 : 0, width);
    fflush(stdout);
    snapshot_free(&top->before);
    top->before = s;
    top->before_time = now;
    return s.n_loops > 0 || kill(target.pid, 0) == 0;
}

static void on_key(void *arg)
{
    struct top *top = arg;
    char key;
    ssize_t n = read(STDIN_FILENO, &key, 1);

    if (n <= 0 || key == 'q')
        top->quit = true;
    if (n <= 0)
        eddy_loop_remove_reader(eddy_get_running_loop(), STDIN_FILENO);
    eddy_event_set(&top->wanted);
}

static void on_resize(void *arg)
{
    eddy_event_set(&((struct top *)arg)->wanted);
}

static eddy_async(event_of, (eddy_event *, event))
{
    return eddy_event_wait(event);
}

static eddy_async(watch, (struct top *, top))
{
    eddy_loop *loop = eddy_get_running_loop();
    int rc;

    eddy_try(eddy_loop_add_signal_handler(loop, SIGWINCH, on_resize, top));
    if (isatty(STDIN_FILENO))
        eddy_try(eddy_loop_add_reader(loop, STDIN_FILENO, on_key, top));
    while (!top->quit) {
        if (!show(top)) {
            printf("process %d has ended\n", target.pid);
            break;
        }
        rc = eddy_await(eddy_wait_for(event_of(&top->wanted), top->options->delay));
        if (rc < 0 && rc != -ETIMEDOUT)
            return rc;
        eddy_event_clear(&top->wanted);
    }
    return 0;
}

static eddy_async(show_once, (struct top *, top))
{
    top->exit_code = show(top) ? 0 : 1;
    return 0;
}

/* Sets the terminal so that keys come at once and are not shown. */
static bool set_terminal(struct termios *ret_before)
{
    struct termios now;

    if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, ret_before) < 0)
        return false;
    now = *ret_before;
    now.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    return tcsetattr(STDIN_FILENO, TCSANOW, &now) == 0;
}

int command_top(const struct options *o)
{
    struct top top = {.options = o};
    struct termios before;
    bool changed;
    int rc;

    if (!target_open(&target, o->pid))
        return 1;
    changed = !o->once && set_terminal(&before);
    rc = eddy_run(o->once ? show_once(&top) : watch(&top), .sigterm = true);
    if (changed)
        tcsetattr(STDIN_FILENO, TCSANOW, &before);
    snapshot_free(&top.before);
    if (rc < 0 && rc != -EINTR)
        return eddy_exit_code(rc);
    return top.exit_code;
}
