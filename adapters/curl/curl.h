/*
 * The shared declarations of the adapter: the object behind eddy_curl, and the two directions
 * between libcurl and the loop.
 *
 *   libcurl --on_socket, on_timer--> the loop's readers, writers and one timer (socket.c)
 *   the loop --curl_multi_socket_action--> libcurl --messages--> futures (socket.c, curl.c)
 *
 * Within libcurl's callbacks the adapter only notes, watches and schedules: libcurl refuses calls
 * from there.
 */
#ifndef EDDYI_CURL_H
#define EDDYI_CURL_H

#include "eddy/curl.h"
#include "eddy/future.h"

/* A transfer; lies on the stack of the task that waits for it. */
struct eddyi_curl_transfer {
    eddy_curl *owner; /* NULL once the owner has closed: libcurl has forgotten the handle */
    /* in the owner's list; @link points to the pointer to this struct */
    struct eddyi_curl_transfer *next, **link;
    CURL *easy;
    eddy_future *done;
    CURLcode code; /* valid when done has a result */
    char *old_private;
    char message[CURL_ERROR_SIZE];
};

struct eddy_curl {
    eddy_loop *loop;
    CURLM *multi;
    struct eddyi_curl_transfer *transfers;
    eddy_handle timer; /* of libcurl's one timeout; stale when none is set */
};

/* Has libcurl tell the loop what to wait for. */
void eddyi_curl_connect(eddy_curl *curl);

/* Delivers the results that libcurl has ready. */
void eddyi_curl_collect(eddy_curl *curl);

/* Ends every transfer with @status, after failures that might leave some of them waiting for
 * ever. */
void eddyi_curl_fail_all(eddy_curl *curl, int status, const char *message);

/* Raises a code of the multi interface, with its sentence. */
int eddyi_curl_raise(CURLMcode code);

#endif
