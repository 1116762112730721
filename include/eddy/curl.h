/*
 * Transfers with libcurl, awaited like anything else.
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
 * libcurl speaks the protocols, eddy's loop does the waiting, through libcurl's multi-socket
 * interface; any number of transfers run side by side, and share connections. All of libcurl's
 * options work, with these exceptions:
 *
 *   - While a transfer runs, CURLOPT_PRIVATE, CURLOPT_ERRORBUFFER and CURLOPT_QUICK_EXIT of its
 *     handle are eddy's. CURLOPT_PRIVATE has its old value afterwards, the others libcurl's
 *     default.
 *   - libcurl's callbacks (CURLOPT_WRITEFUNCTION and the like) run in the loop, outside every task:
 *     they must not suspend (they get EDDY_ENOTASK), and what they call can make all other tasks
 *     wait.
 *
 * Not part of eddy.h: include it where it is used, and link with eddy_curl.
 */
#ifndef EDDY_CURL_H
#define EDDY_CURL_H

#include "coroutine.h"
#include "defs.h"
#include "loop.h"

#include <curl/curl.h>

EDDY_BEGIN_DECLS

/* Transfers of one loop, and the connections they leave open for the next. */
typedef struct eddy_curl eddy_curl;

/*
 * @loop   NULL for the running one; kept alive until the close
 *
 * NULL on failure: eddy_error() has -ENOMEM, or EDDY_ENOLOOP. Initializes libcurl
 * (curl_global_init) if nobody has yet.
 */
EDDY_NODISCARD eddy_curl *eddy_curl_open(eddy_loop *loop);

/*
 * Closes the idle connections and frees everything; NULL is allowed. Transfers that still run end
 * with EDDY_ECLOSED. Not to be called from within one of libcurl's callbacks.
 */
void eddy_curl_close(eddy_curl *curl);

/*
 * Does the transfer that @easy describes and waits for its end, as curl_easy_perform() does for
 * programs without a loop.
 *
 * @easy   the caller's before and after; must not be changed or freed meanwhile, though
 *         curl_easy_pause() and curl_easy_getinfo() are allowed
 *
 * Returns 0, also for an HTTP status that means failure (see CURLINFO_RESPONSE_CODE, or set
 * CURLOPT_FAILONERROR), or the status of eddy_curl_status() with libcurl's text as its message, or
 *   EDDY_EMISUSE     @easy runs already, or this was called from within a libcurl callback
 *   EDDY_ENOTASK, EDDY_EOTHERLOOP, EDDY_ECLOSED, -ENOMEM
 *
 * Cancelled: the transfer is taken back at once and its connection closed; @easy can be
 * used again. What the write callback was given before is not undone.
 */
EDDY_AWAITS EDDY_NODISCARD int eddy_curl_perform(eddy_curl *curl, CURL *easy);

/*
 * The same as a coroutine, for eddy_create_task(), eddy_gather(), eddy_wait_for() and their kin.
 * @curl and @easy must stay until it has ended.
 */
EDDY_NODISCARD eddy_coroutine *eddy_curl_transfer(eddy_curl *curl, CURL *easy);

/*
 * The multi handle, for curl_multi_setopt(): limits on connections and the like. Borrowed. Its
 * socket and timer functions, and what is added to it, are eddy's.
 */
CURLM *eddy_curl_multi(eddy_curl *curl);

/*
 * libcurl's code as a status of eddy:
 *
 *   CURLE_OK 0 CURLE_COULDNT_CONNECT what socket(2) or connect(2) said, e.g. -EMFILE, -ENETUNREACH;
 *   else -ECONNREFUSED CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY -EMFILE, -ENFILE,
 *   -ENOBUFS, -ENOMEM if no socket can be made; else EDDY_CURL_STATUS(code)
 *   CURLE_OPERATION_TIMEDOUT -ETIMEDOUT CURLE_SEND_ERROR, CURLE_RECV_ERROR -ECONNRESET, -EPIPE,
 *   -ETIMEDOUT if that is why; else -EIO CURLE_GOT_NOTHING -ECONNRESET: closed instead of an answer
 *   CURLE_PARTIAL_FILE EDDY_EINCOMPLETE: closed before the end CURLE_TOO_MANY_REDIRECTS -ELOOP
 *   CURLE_WRITE_ERROR, CURLE_READ_ERROR -EIO: a callback said so CURLE_URL_MALFORMAT -EINVAL
 *   CURLE_UNSUPPORTED_PROTOCOL -EPROTONOSUPPORT CURLE_OUT_OF_MEMORY -ENOMEM
 *   CURLE_REMOTE_ACCESS_DENIED, CURLE_LOGIN_DENIED -EACCES CURLE_REMOTE_FILE_NOT_FOUND -ENOENT
 *   CURLE_REMOTE_DISK_FULL -ENOSPC CURLE_FILESIZE_EXCEEDED -EFBIG any other EDDY_CURL_STATUS(code)
 *
 * @easy   the handle whose transfer ended so, for what the system call said; may be NULL
 */
int eddy_curl_status(CURLcode code, CURL *easy);
#define EDDY_CURL_STATUS(code) (-11000 - (int)(code))

EDDY_END_DECLS

#endif
