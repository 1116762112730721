/*
 * GLib and eddy in one thread: GLib watches a folder, and eddy runs a command for each change.
 *
 *     build/bin/on-change src make
 *
 * GLib's main loop runs in a task, and waits by a function of ours, poll_in_task(), which suspends
 * that task and not the thread; g_application_run() would do so as well. GLib's callbacks run in
 * the task, and may await. A result of GLib's own is awaited in another task, as in run_command(),
 * since GLib's main loop does not go on within a callback.
 */
#include "command.h"

#include <gio/gio.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

static const char help[] =
    "usage: on-change FOLDER COMMAND\n\n"
    "Runs COMMAND, with the name of the file, when a file of FOLDER was changed; one at a time.\n"
    "SIGTERM ends it, and the command that runs.\n";

static GMainLoop *glib;
static eddy_queue changes; /* of files; the queue owns a reference to each */

/* Waits for one of several descriptors: an epoll instance is a single one. */
static int wait_for(GPollFD *fds, guint n, double seconds)
{
    int rc, set = epoll_create1(EPOLL_CLOEXEC);

    for (guint i = 0; i < n; i++)
        epoll_ctl(set, EPOLL_CTL_ADD, fds[i].fd, &(struct epoll_event){.events = fds[i].events});
    rc = eddy_within(seconds, eddy_poll(set, POLLIN));
    close(set);
    return rc;
}

static gint poll_in_task(GPollFD *fds, guint n, gint timeout_ms)
{
    bool wait = timeout_ms != 0 && g_poll(fds, n, 0) == 0;
    double seconds = timeout_ms < 0 ? EDDY_FOREVER : timeout_ms / 1e3;

    if ((wait ? wait_for(fds, n, seconds) : eddy_sleep(0)) == -ECANCELED)
        g_main_loop_quit(glib);
    return g_poll(fds, n, 0);
}

static eddy_async(run_glib)
{
    g_main_context_set_poll_func(NULL, poll_in_task);
    g_main_loop_run(glib);
    return 0;
}

/* Finishes the future @f with the result of an asynchronous call of GLib's. */
static void finish(GObject *source, GAsyncResult *result, gpointer f)
{
    if (eddy_future_set_value(f, g_object_ref(result)) < 0)
        g_object_unref(result);
    eddy_unref((eddy_future *)f);
}

/* Runs the command for the next file, if it is still there when GLib looks at it. */
static int run_command(const char *command)
{
    g_autoptr(GAsyncResult) result = NULL;
    g_autoptr(GFile) file = NULL;
    eddy_process *p;

    eddy_try(eddy_queue_get(&changes, &file));
    eddy_future *f = eddy_create_future();
    g_file_query_info_async(file, "standard::size", 0, 0, NULL, finish, eddy_ref(f));
    eddy_try(eddy_await_value(f, &result));
    g_autoptr(GFileInfo) info = g_file_query_info_finish(file, result, NULL);
    if (!info)
        return 0;
    g_autofree char *path = g_file_get_path(file);
    eddy_try(eddy_create_subprocess_exec(eddy_argv(command, path), &p));
    eddy_process_free_at_end(p);
    return eddy_process_wait(p, NULL);
}

static void changed(GFileMonitor *monitor, GFile *file, GFile *other, GFileMonitorEvent event)
{
    if (event == G_FILE_MONITOR_EVENT_CHANGES_DONE_HINT)
        (void)!eddy_queue_put_nowait(&changes, g_object_ref(file));
}

static eddy_async(amain, (const char *, path), (const char *, command))
{
    g_autoptr(GFile) folder = g_file_new_for_path(path);
    g_autoptr(GError) error = NULL;
    g_autoptr(GFileMonitor) monitor = g_file_monitor_directory(folder, 0, NULL, &error);
    eddy_group tg;
    int rc;

    if (!monitor)
        return eddy_raise(-EIO, "%s", error->message);
    g_signal_connect(monitor, "changed", G_CALLBACK(changed), NULL);
    eddy_queue_init(&changes, 0);
    eddy_group_enter(&tg);
    eddy_group_create_task(&tg, run_glib(), .stack_size = 1 << 20);
    while ((rc = run_command(command)) >= 0)
        continue;
    return eddy_group_exit(&tg, rc);
}

int main(int argc, char **argv)
{
    if (command_is_answered(argc, argv, help))
        return 0;
    if (argc != 3)
        return command_refuse(help);
    glib = g_main_loop_new(NULL, FALSE);
    return eddy_main(amain(argv[1], argv[2]), .sigterm = true);
}
