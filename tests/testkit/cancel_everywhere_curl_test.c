/*
 * Cancellation everywhere in a transfer with libcurl: its connection is closed, and its handle can
 * be used again.
 */
#include "testkit/everywhere.h"

#include "eddy/curl.h"
#include "fetch/server.h"

static struct {
    eddy_curl *curl;
    CURL *easy;
    char url[96];
    int came, came_again;
} all;

static void begin(void *unused)
{
    memset(&all, 0, sizeof all);
}

static size_t count(char *data, size_t size, size_t n, void *total)
{
    *(int *)total += (int)(size * n);
    return size * n;
}

static eddy_async(transfer, (int *, came))
{
    curl_easy_setopt(all.easy, CURLOPT_WRITEDATA, came);
    return eddy_curl_perform(all.curl, all.easy);
}

/* The transfer, and once more with the same handle, however it ended. */
static int fetch_twice(struct server *server)
{
    eddy_task *first, *again;
    int rc, rc_again;

    snprintf(all.url, sizeof all.url, "%s/hello", server->url);
    curl_easy_setopt(all.easy, CURLOPT_URL, all.url);
    curl_easy_setopt(all.easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(all.easy, CURLOPT_WRITEFUNCTION, count);
    first = eddy_create_task(transfer(&all.came));
    rc = join(&first, 1);
    again = eddy_create_task(transfer(&all.came_again), .name = "again");
    rc_again = join(&again, 1);
    return rc < 0 ? rc : rc_again;
}

static int scenario(void *unused)
{
    struct server server;
    int rc;

    eddy_try(server_start(&server));
    all.curl = eddy_curl_open(NULL);
    all.easy = curl_easy_init();
    rc = all.curl && all.easy ? fetch_twice(&server) : -ENOMEM;
    curl_easy_cleanup(all.easy);
    eddy_curl_close(all.curl);
    server_stop(&server);
    return rc;
}

static int check(void *unused, const eddy_test_trial *trial)
{
    eddy_try(HOLDS(all.came_again == 5));
    return HOLDS(all.came == 5 || (trial->task && all.came <= 5));
}

TEST_VIRTUAL(a_transfer_can_be_cancelled_everywhere_and_its_handle_used_again)
{
    everywhere(&(eddy_test_scenario){"a transfer", scenario, .begin = begin, .check = check,
                                     .backends = EDDY_TEST_REAL, .task = "transfer"},
               1);
}
