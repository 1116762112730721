/* HTTP requests, as the example servers read them: where a head ends, what is refused, what goes
 * on. */
#include "fuzz.h"

#include "http.h"

#include <strings.h>

static struct http_request request;

static void check_accepted(const char *head, size_t n)
{
    char *text = malloc(n + 1);

    memcpy(text, head, n);
    text[n] = '\0';
    FUZZ_CHECK(request.target[0] == '/' || !(request.get || request.head) ||
               request.target[0] != '\0');
    FUZZ_CHECK(strlen(request.target) < HTTP_MAX_TARGET);
    FUZZ_CHECK(!strpbrk(request.target, "\r\n"));
    /* No body has been taken for nothing: what announces one and goes on would let its body be a
     * request. */
    if (strlen(text) == n && request.keep_alive)
        FUZZ_CHECK(!strcasestr(text, "\ntransfer-encoding:"));
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char *head = malloc(n + 5);
    int status;

    /* The stream hands out the head up to the first empty line. */
    memcpy(head, data, n);
    memcpy(head + n, "\r\n\r\n", 5);
    for (size_t i = 0; i + 1 < n; i++) {
        if (head[i] == '\n' &&
            (head[i + 1] == '\n' || (head[i + 1] == '\r' && head[i + 2] == '\n'))) {
            n = i + (head[i + 1] == '\n' ? 2 : 3);
            head = realloc(head, n);
            status = http_parse_request(head, n, &request);
            goto parsed;
        }
    }
    status = http_parse_request(head, n + 4, &request);
    n += 4;
parsed:
    FUZZ_CHECK(status == 1 || (status >= 400 && status <= 505));
    FUZZ_CHECK(status == 1 || !request.keep_alive);
    if (status == 1)
        check_accepted(head, n);
    free(head);
    return 0;
}
