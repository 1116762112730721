/* libcurl's error codes as eddy's. */
#include "curl.h"

#include "eddy/error.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

/* Returns the errno that libcurl noted last, 0 if none. */
static int os_errno(CURL *easy)
{
    long number = 0;

    if (easy)
        curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &number);
    return number > 0 ? (int)number : 0;
}

/*
 * Returns the reason why no socket can be made, 0 if one can. libcurl notes none when socket(2)
 * fails, so the call is made once more: if descriptors or memory have run out, it fails again.
 */
static int socket_status(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd >= 0)
        close(fd);
    else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
        return -errno;
    return 0;
}

static int connect_status(CURL *easy)
{
    int number = os_errno(easy), status = number ? -number : socket_status();

    return status ? status : -ECONNREFUSED;
}

static int resolve_status(CURLcode code)
{
    int status = socket_status();

    return status ? status : EDDY_CURL_STATUS(code);
}

/* Returns the status of a failed transmission. The errno that libcurl noted may be left from a
 * connect to the first of several addresses; only an errno with which an established connection can
 * fail counts. */
static int transmission_status(CURL *easy)
{
    int number = os_errno(easy);

    return number == ECONNRESET || number == EPIPE || number == ETIMEDOUT ? -number : -EIO;
}

int eddy_curl_status(CURLcode code, CURL *easy)
{
    switch (code) {
    case CURLE_OK:
        return 0;
    case CURLE_COULDNT_CONNECT:
        return connect_status(easy);
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return resolve_status(code);
    case CURLE_OPERATION_TIMEDOUT:
        return -ETIMEDOUT;
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
        return transmission_status(easy);
    case CURLE_GOT_NOTHING:
        return -ECONNRESET;
    case CURLE_PARTIAL_FILE:
        return EDDY_EINCOMPLETE;
    case CURLE_TOO_MANY_REDIRECTS:
        return -ELOOP;
    case CURLE_WRITE_ERROR:
    case CURLE_READ_ERROR:
        return -EIO;
    case CURLE_URL_MALFORMAT:
        return -EINVAL;
    case CURLE_UNSUPPORTED_PROTOCOL:
        return -EPROTONOSUPPORT;
    case CURLE_OUT_OF_MEMORY:
        return -ENOMEM;
    case CURLE_REMOTE_ACCESS_DENIED:
    case CURLE_LOGIN_DENIED:
        return -EACCES;
    case CURLE_REMOTE_FILE_NOT_FOUND:
        return -ENOENT;
    case CURLE_REMOTE_DISK_FULL:
        return -ENOSPC;
    case CURLE_FILESIZE_EXCEEDED:
        return -EFBIG;
    default:
        return EDDY_CURL_STATUS(code);
    }
}

int eddyi_curl_raise(CURLMcode code)
{
    /* the other codes mean: added already, called from a callback, no such handle */
    int status = EDDY_EMISUSE;

    if (code == CURLM_OUT_OF_MEMORY)
        status = -ENOMEM;
    else if (code == CURLM_INTERNAL_ERROR)
        status = -EIO;
    return eddy_raise(status, "libcurl: %s", curl_multi_strerror(code));
}
