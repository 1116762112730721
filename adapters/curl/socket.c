/*
 * libcurl's sockets and its timer on the loop.
 *
 * libcurl announces each socket with the events that it waits for, and says when it loses interest,
 * always before it closes the socket: the number may mean another connection a moment later. A
 * watch lives exactly as long as libcurl's interest.
 */
#include "curl.h"

#include "eddy/error.h"
#include "eddy/sock.h"

#include <errno.h>
#include <stdlib.h>

struct watch {
    eddy_curl *curl;
    curl_socket_t fd;
    bool reading, writing; /* the loop has a reader, a writer for @fd */
};

static void act(eddy_curl *curl, curl_socket_t fd, int events)
{
    int running;
    CURLMcode code = curl_multi_socket_action(curl->multi, fd, events, &running);

    if (code != CURLM_OK)
        eddyi_curl_fail_all(curl, eddyi_curl_raise(code), curl_multi_strerror(code));
    eddyi_curl_collect(curl);
}

/* The watch may be gone when act() returns. */
static void readable(void *arg)
{
    const struct watch *w = arg;

    act(w->curl, w->fd, CURL_CSELECT_IN);
}

static void writable(void *arg)
{
    const struct watch *w = arg;

    act(w->curl, w->fd, CURL_CSELECT_OUT);
}

static void timed_out(void *arg)
{
    act(arg, CURL_SOCKET_TIMEOUT, 0);
}

static int watch_read(struct watch *w, bool wanted)
{
    int status = 0;

    if (wanted && !w->reading)
        status = eddy_loop_add_reader(w->curl->loop, w->fd, readable, w);
    else if (!wanted && w->reading)
        eddy_loop_remove_reader(w->curl->loop, w->fd);
    w->reading = wanted && status >= 0;
    return status;
}

static int watch_write(struct watch *w, bool wanted)
{
    int status = 0;

    if (wanted && !w->writing)
        status = eddy_loop_add_writer(w->curl->loop, w->fd, writable, w);
    else if (!wanted && w->writing)
        eddy_loop_remove_writer(w->curl->loop, w->fd);
    w->writing = wanted && status >= 0;
    return status;
}

static struct watch *watch_new(eddy_curl *curl, curl_socket_t fd)
{
    struct watch *w = calloc(1, sizeof *w);

    if (!w)
        return NULL;
    *w = (struct watch){.curl = curl, .fd = fd};
    if (curl_multi_assign(curl->multi, fd, w) != CURLM_OK) {
        free(w);
        return NULL;
    }
    return w;
}

static void watch_free(struct watch *w)
{
    if (!w)
        return;
    watch_read(w, false);
    watch_write(w, false);
    free(w);
}

/*
 * Follows libcurl's interest in a socket. A failure here is not passed to libcurl, which would make
 * the multi handle unusable for good. Instead it ends all transfers, since any of them may share
 * the socket.
 */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
    eddy_curl *curl = arg;
    struct watch *w = socket_arg;
    int status, write_status;

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        watch_free(w);
        return 0;
    }
    if (!w)
        w = watch_new(curl, fd);
    if (!w) {
        eddyi_curl_fail_all(curl, -ENOMEM, "watching a socket");
        return 0;
    }
    status = watch_read(w, what & CURL_POLL_IN);
    write_status = watch_write(w, what & CURL_POLL_OUT);
    if (status >= 0)
        status = write_status;
    if (status < 0)
        eddyi_curl_fail_all(curl, status, "watching a socket");
    return 0;
}

static int on_timer(CURLM *multi, long milliseconds, void *arg)
{
    eddy_curl *curl = arg;

    (void)multi;
    eddy_handle_cancel(curl->timer);
    curl->timer = (eddy_handle){0};
    if (milliseconds < 0)
        return 0;
    curl->timer = eddy_loop_call_later(curl->loop, (double)milliseconds / 1000, timed_out, curl);
    if (!curl->timer.slot)
        eddyi_curl_fail_all(curl, eddy_loop_is_closed(curl->loop) ? EDDY_ECLOSED : -ENOMEM,
                            "setting a timer");
    return 0;
}

void eddyi_curl_connect(eddy_curl *curl)
{
    curl_multi_setopt(curl->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(curl->multi, CURLMOPT_SOCKETDATA, curl);
    curl_multi_setopt(curl->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(curl->multi, CURLMOPT_TIMERDATA, curl);
}
