/*
 * A toy language on eddy's loop: its callbacks are words that it prints. Like many languages it has
 * one lock, which the thread that runs its code holds. docs/bindings.md explains the parts.
 */
#include <eddy.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
    pthread_mutex_t lock; /* of the interpreter: also guards the text */
    eddy_loop *loop;
    char text[200];   /* words that were not printed yet */
    eddy_item flush;  /* prints them at the end of the turn */
    const char *flew; /* the exception that left a callback; NULL: none */
} toy = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* An object of the language, which refers to itself while the loop does. */
struct callback {
    eddy_item item;
    eddy_timer timer;
    const char *word;
};

static void say(const char *word)
{
    strncat(toy.text, word, sizeof toy.text - strlen(toy.text) - 1);
    strncat(toy.text, " ", sizeof toy.text - strlen(toy.text) - 1);
    if (!eddy_item_is_scheduled(&toy.flush))
        eddy_loop_call_at_turn_end_item(toy.loop, &toy.flush);
}

static void flush(eddy_item *unused)
{
    (void)unused;
    printf("%s\n", toy.text);
    toy.text[0] = '\0';
}

/* Runs the code of a callback, and releases it. The word "throw" is an exception: it ends the run,
 * and the callbacks behind it stay in the queue. */
static void call(struct callback *c)
{
    if (strcmp(c->word, "throw") == 0) {
        toy.flew = c->word;
        eddy_loop_break(toy.loop);
    } else {
        say(c->word);
    }
    free(c);
}

static struct callback *of_item(eddy_item *item)
{
    return (struct callback *)(void *)((char *)item - offsetof(struct callback, item));
}

static struct callback *of_timer(eddy_timer *timer)
{
    return (struct callback *)(void *)((char *)timer - offsetof(struct callback, timer));
}

static void run(eddy_item *item)
{
    call(of_item(item));
}

/* The loop was closed first. */
static void dropped(eddy_item *item)
{
    printf("dropped: %s\n", of_item(item)->word);
    free(of_item(item));
}

static void run_timer(eddy_timer *timer)
{
    call(of_timer(timer));
}

static void timer_dropped(eddy_timer *timer)
{
    printf("dropped: %s\n", of_timer(timer)->word);
    free(of_timer(timer));
}

static struct callback *callback(const char *word)
{
    struct callback *c = calloc(1, sizeof *c);

    if (!c)
        abort();
    c->item = (eddy_item){.run = run, .dropped = dropped};
    c->timer = (eddy_timer){.run = run_timer, .dropped = timer_dropped};
    c->word = word;
    return c;
}

/* Gives up the lock while the loop waits. */
static void before_wait(void *unused)
{
    (void)unused;
    pthread_mutex_unlock(&toy.lock);
}

static void after_wait(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&toy.lock);
}

/* A thread of the language: it gets the lock when the loop waits. */
static void *thread(void *unused)
{
    pthread_mutex_lock(&toy.lock);
    eddy_loop_call_soon_item_threadsafe(toy.loop, &callback("thread")->item);
    pthread_mutex_unlock(&toy.lock);
    return unused;
}

static int run_program(void)
{
    pthread_t t;
    int rc = eddy_loop_set_wait_hooks(toy.loop, before_wait, after_wait, NULL);

    eddy_loop_call_soon_item(toy.loop, &callback("hello")->item);
    eddy_loop_call_soon_item(toy.loop, &callback("world")->item);
    if (rc < 0 || pthread_create(&t, NULL, thread, NULL) != 0)
        return rc < 0 ? rc : -1;
    rc = eddy_loop_call_at_timer(toy.loop, &callback("throw")->timer,
                                 eddy_loop_time(toy.loop) + 0.2);
    eddy_loop_call_at_timer(toy.loop, &callback("never")->timer, eddy_loop_time(toy.loop) + 3600);
    if (rc == 0)
        rc = eddy_loop_run_forever(toy.loop);
    pthread_mutex_unlock(&toy.lock);
    pthread_join(t, NULL);
    pthread_mutex_lock(&toy.lock);
    return rc;
}

int main(void)
{
    int rc;

    toy.flush.run = flush;
    toy.loop = eddy_loop_new(&(eddy_loop_options){.no_fault_handler = true});
    if (!toy.loop)
        return 1;
    pthread_mutex_lock(&toy.lock);
    rc = run_program();
    if (toy.flew)
        printf("thrown: %s\n", toy.flew);
    eddy_loop_unref(toy.loop);
    pthread_mutex_unlock(&toy.lock);
    return rc < 0;
}
