/*
 * Transfers with libcurl that a task can await.
 *
 *     eddy_curl *curl = eddy_curl_open(NULL);
 *     CURL *easy = curl_easy_init();
 *
 *     curl_easy_setopt(easy, CURLOPT_URL, "https://example.org/");
 *     curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, keep);
 *     rc = eddy_curl_perform(curl, easy);    // suspends this task, and no other
 *
 *     curl_easy_cleanup(easy);
 *     eddy_curl_close(curl);
 *
 * libcurl implements the protocols, and eddy's loop waits, through libcurl's multi-socket
 * interface; any number of transfers run concurrently and share connections. All of libcurl's
 * options work, with these exceptions:
 *
 *   - While a transfer runs, eddy uses CURLOPT_PRIVATE, CURLOPT_ERRORBUFFER and CURLOPT_QUICK_EXIT
 *     of its handle. Afterwards CURLOPT_PRIVATE has its former value, and the others have libcurl's
 *     default.
 *   - libcurl's callbacks (CURLOPT_WRITEFUNCTION and the like) run in the loop, outside every task:
 *     they must not suspend (EDDY_ENOTASK), and all tasks wait while they run.
 *
 * This header is not part of eddy.h: include it where it is needed, and link with eddy_curl.
 */
#ifndef EDDY_CURL_H
#define EDDY_CURL_H

#include "coroutine.h"
#include "defs.h"
#include "loop.h"

#include <curl/curl.h>

EDDY_BEGIN_DECLS

/* The transfers of one loop, and the connections they keep open for later transfers. */
typedef struct eddy_curl eddy_curl;

/*
 * Makes an eddy_curl for @loop; NULL means the running loop. Keeps a reference to the loop until it
 * is closed. Initializes libcurl (curl_global_init) if the program has not. The caller owns the
 * result. Raises -ENOMEM or EDDY_ENOLOOP, and then returns NULL.
 */
EDDY_NODISCARD eddy_curl *eddy_curl_open(eddy_loop *loop);

/*
 * Closes the idle connections and frees @curl. Transfers that still run end with EDDY_ECLOSED. Must
 * not be called from one of libcurl's callbacks. NULL is allowed.
 */
void eddy_curl_close(eddy_curl *curl);

/*
 * Performs the transfer that @easy describes and waits for its end, as curl_easy_perform() does in
 * programs without a loop.
 *
 * Borrows @easy, which must not be changed or freed meanwhile; curl_easy_pause() and
 * curl_easy_getinfo() are allowed. Returns 0, also for an HTTP status that means failure (see
 * CURLINFO_RESPONSE_CODE, or set CURLOPT_FAILONERROR); the status of eddy_curl_status(), with
 * libcurl's text as its message; or
 *
 *   EDDY_EMISUSE  @easy is already running, or the call comes from a libcurl callback
 *   EDDY_ENOTASK, EDDY_EOTHERLOOP, EDDY_ECLOSED, -ENOMEM
 *
 * Cancelled: the transfer is removed at once and its connection closed; @easy can be used again.
 * Data that the write callback received before is not taken back.
 */
EDDY_AWAITS EDDY_NODISCARD int eddy_curl_perform(eddy_curl *curl, CURL *easy);

/*
 * Makes a coroutine that does what eddy_curl_perform() does, for eddy_create_task(), eddy_gather(),
 * eddy_wait_for() and the like. The caller owns the result. Borrows @curl and @easy until the
 * coroutine has ended.
 */
EDDY_NODISCARD eddy_coroutine *eddy_curl_transfer(eddy_curl *curl, CURL *easy);

/*
 * Returns the multi handle, for curl_multi_setopt(): limits on connections and the like. Borrowed.
 * Its socket and timer functions, and the handles added to it, are under eddy's control.
 */
CURLM *eddy_curl_multi(eddy_curl *curl);

/*
 * Converts libcurl's code to a status of eddy. @easy is the handle of the transfer that ended with
 * @code, which has the error of the system call; may be NULL.
 *
 *   CURLE_OK                     0
 *   CURLE_COULDNT_CONNECT        the error of socket(2) or connect(2), e.g. -EMFILE, -ENETUNREACH;
 *                                else -ECONNREFUSED
 *   CURLE_COULDNT_RESOLVE_HOST,
 *   CURLE_COULDNT_RESOLVE_PROXY  -EMFILE, -ENFILE, -ENOBUFS, -ENOMEM if no socket could be made;
 *                                else EDDY_CURL_STATUS(code)
 *   CURLE_OPERATION_TIMEDOUT     -ETIMEDOUT
 *   CURLE_SEND_ERROR,
 *   CURLE_RECV_ERROR             -ECONNRESET, -EPIPE, -ETIMEDOUT if that is the reason; else -EIO
 *   CURLE_GOT_NOTHING            -ECONNRESET: the connection was closed without an answer
 *   CURLE_PARTIAL_FILE           EDDY_EINCOMPLETE: the connection was closed before the end
 *   CURLE_TOO_MANY_REDIRECTS     -ELOOP
 *   CURLE_WRITE_ERROR,
 *   CURLE_READ_ERROR             -EIO: a callback returned an error
 *   CURLE_URL_MALFORMAT          -EINVAL
 *   CURLE_UNSUPPORTED_PROTOCOL   -EPROTONOSUPPORT
 *   CURLE_OUT_OF_MEMORY          -ENOMEM
 *   CURLE_REMOTE_ACCESS_DENIED,
 *   CURLE_LOGIN_DENIED           -EACCES
 *   CURLE_REMOTE_FILE_NOT_FOUND  -ENOENT
 *   CURLE_REMOTE_DISK_FULL       -ENOSPC
 *   CURLE_FILESIZE_EXCEEDED      -EFBIG
 *   any other                    EDDY_CURL_STATUS(code)
 */
int eddy_curl_status(CURLcode code, CURL *easy);
#define EDDY_CURL_STATUS(code) (-11000 - (int)(code))

EDDY_END_DECLS

#endif
