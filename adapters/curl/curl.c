/*
 * The adapter: opening, closing, and a transfer from its start to its end.
 *
 * The task that performs a transfer gives libcurl the handle and waits for a future. Whatever ends
 * the wait (a result, a failure to watch, a cancellation, the close), this task takes the handle
 * back before it returns: the caller may free the handle in the next line.
 */
#include "curl.h"

#include "eddy/error.h"
#include "eddy/task.h"
#include "eddy/wait.h"

#include <errno.h>
#include <stdlib.h>

eddy_curl *eddy_curl_open(eddy_loop *loop)
{
    eddy_curl *curl;

    if (!loop)
        loop = eddy_get_running_loop();
    if (!loop) {
        eddy_raise(EDDY_ENOLOOP, "eddy_curl_open: no loop runs here");
        return NULL;
    }
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        eddy_raise(-ENOMEM, "libcurl cannot be initialized");
        return NULL;
    }
    curl = calloc(1, sizeof *curl);
    if (curl)
        curl->multi = curl_multi_init();
    if (!curl || !curl->multi) {
        free(curl);
        curl_global_cleanup();
        eddy_raise(-ENOMEM, "eddy_curl_open");
        return NULL;
    }
    curl->loop = eddy_loop_ref(loop);
    eddyi_curl_connect(curl);
    return curl;
}

static void transfer_link(struct eddyi_curl_transfer *t, eddy_curl *curl)
{
    t->owner = curl;
    t->next = curl->transfers;
    t->link = &curl->transfers;
    if (t->next)
        t->next->link = &t->next;
    curl->transfers = t;
}

static void transfer_unlink(struct eddyi_curl_transfer *t)
{
    *t->link = t->next;
    if (t->next)
        t->next->link = t->link;
    t->owner = NULL;
}

void eddy_curl_close(eddy_curl *curl)
{
    if (!curl)
        return;
    eddyi_curl_fail_all(curl, EDDY_ECLOSED, "eddy_curl_close");
    while (curl->transfers) {
        struct eddyi_curl_transfer *t = curl->transfers;

        curl_multi_remove_handle(curl->multi, t->easy);
        transfer_unlink(t);
    }
    /* Closing idle connections still calls back for their sockets. */
    curl_multi_cleanup(curl->multi);
    eddy_handle_cancel(curl->timer);
    eddy_loop_unref(curl->loop);
    free(curl);
    curl_global_cleanup();
}

CURLM *eddy_curl_multi(eddy_curl *curl)
{
    return curl->multi;
}

void eddyi_curl_collect(eddy_curl *curl)
{
    CURLMsg *msg;
    int n_left;

    while ((msg = curl_multi_info_read(curl->multi, &n_left)) != NULL) {
        struct eddyi_curl_transfer *t = NULL;

        if (msg->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &t);
        t->code = msg->data.result;
        /* Refused if the task was cancelled or a watch failed a moment ago; that outcome stands. */
        (void)eddy_future_set_result(t->done, 0);
    }
}

void eddyi_curl_fail_all(eddy_curl *curl, int status, const char *message)
{
    for (struct eddyi_curl_transfer *t = curl->transfers; t; t = t->next)
        (void)eddy_future_set_exception(t->done, status, "%s", message);
}

/* Sets the options of a transfer. Without QUICK_EXIT libcurl would make the loop wait for a
 * resolver's thread when a transfer is given up; with it the thread ends, and frees its memory, by
 * itself. */
static void borrow_options(struct eddyi_curl_transfer *t)
{
    curl_easy_getinfo(t->easy, CURLINFO_PRIVATE, &t->old_private);
    curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
    curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->message);
    curl_easy_setopt(t->easy, CURLOPT_QUICK_EXIT, 1L);
}

static void return_options(struct eddyi_curl_transfer *t)
{
    curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t->old_private);
    curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, NULL);
    curl_easy_setopt(t->easy, CURLOPT_QUICK_EXIT, 0L);
}

/* Raises the failure of a transfer, in libcurl's words, with the reason where these do not have
 * it. */
static int raise_result(const struct eddyi_curl_transfer *t)
{
    int status = eddy_curl_status(t->code, t->easy);
    const char *message = t->message[0] ? t->message : curl_easy_strerror(t->code);
    bool out_of_descriptors = status == -EMFILE || status == -ENFILE;

    return eddy_raise(status, "%s%s%s", message, out_of_descriptors ? ": " : "",
                      out_of_descriptors ? eddy_strerror(status) : "");
}

static int transfer_finish(struct eddyi_curl_transfer *t, int status)
{
    if (t->owner) {
        curl_multi_remove_handle(t->owner->multi, t->easy);
        transfer_unlink(t);
    }
    if (status >= 0 && t->code != CURLE_OK)
        status = raise_result(t);
    return_options(t);
    eddy_unref(t->done);
    return status;
}

int eddy_curl_perform(eddy_curl *curl, CURL *easy)
{
    struct eddyi_curl_transfer t = {.easy = easy};
    CURLMcode code;

    if (!eddy_current_task())
        return eddy_sleep(0); /* raises the error: EDDY_ENOTASK, or EDDY_EFORKED */
    if (eddy_get_running_loop() != curl->loop)
        return eddy_raise(EDDY_EOTHERLOOP, "eddy_curl_perform: opened for another loop");
    t.done = eddy_create_future();
    if (!t.done)
        return eddy_raise(-ENOMEM, "eddy_curl_perform");

    /* First, so that a timer that cannot be set ends this transfer as well. */
    transfer_link(&t, curl);
    code = curl_multi_add_handle(curl->multi, easy);
    if (code != CURLM_OK) {
        transfer_unlink(&t);
        eddy_unref(t.done);
        return eddyi_curl_raise(code);
    }
    /* Only now: a handle that could not be added may be in the middle of another transfer. libcurl
     * reads the options when the timer it has just set is due. */
    borrow_options(&t);
    return transfer_finish(&t, eddy_await(eddy_ref(t.done)));
}

eddy_async(eddy_curl_transfer, (eddy_curl *, curl), (CURL *, easy))
{
    return eddy_curl_perform(curl, easy);
}
