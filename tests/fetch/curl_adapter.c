/* The libcurl adapter: transfers that end well, badly, and early. */
#include "harness/test.h"

#include "eddy/curl.h"
#include "server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* The objects that most tests need: a server, the adapter, and a handle whose body is kept. */
struct fixture {
    struct server server;
    eddy_curl *curl;
    CURL *easy;
    char url[96], body[64];
    size_t n_body;
};

static size_t keep(char *data, size_t size, size_t count, void *arg)
{
    struct fixture *f = arg;
    size_t n = size * count;

    if (f->n_body + n >= sizeof f->body)
        return 0;
    memcpy(f->body + f->n_body, data, n);
    f->n_body += n;
    f->body[f->n_body] = '\0';
    return n;
}

static void aim(struct fixture *f, CURL *easy, const char *path)
{
    snprintf(f->url, sizeof f->url, "%s%s", f->server.url, path);
    curl_easy_setopt(easy, CURLOPT_URL, f->url);
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, f);
    f->n_body = 0;
}

static int set_up(struct fixture *f, const char *path)
{
    *f = (struct fixture){.n_body = 0};
    eddy_try(server_start(&f->server));
    f->curl = eddy_curl_open(NULL);
    f->easy = curl_easy_init();
    if (!f->curl || !f->easy) {
        curl_easy_cleanup(f->easy);
        eddy_curl_close(f->curl);
        server_stop(&f->server);
        return -ENOMEM;
    }
    aim(f, f->easy, path);
    return 0;
}

static void tear_down(struct fixture *f)
{
    curl_easy_cleanup(f->easy);
    eddy_curl_close(f->curl);
    server_stop(&f->server);
}

/* Cancels what a test has started, if it has not ended by itself, and waits for it. */
static void end(eddy_task *task)
{
    if (task)
        eddy_task_cancel(task, NULL);
    (void)eddy_await(task);
}

/* One transfer from the path: its status, and the body, or libcurl's message, in @text. */
static int fetch(const char *path, char text[CURL_ERROR_SIZE])
{
    struct fixture f;
    int status;

    eddy_try(set_up(&f, path));
    status = eddy_curl_perform(f.curl, f.easy);
    snprintf(text, CURL_ERROR_SIZE, "%s",
             status < 0 ? eddy_exception_message(eddy_error()) : f.body);
    tear_down(&f);
    return status;
}

TEST_ASYNC_REAL(a_transfer_brings_the_body)
{
    char text[CURL_ERROR_SIZE];

    eddy_try(fetch("/hello", text));
    EXPECT_STR(text, "hello");
    return 0;
}

TEST_ASYNC_REAL(a_body_that_is_cut_short_is_incomplete)
{
    char text[CURL_ERROR_SIZE] = "";

    EXPECT_EQ(fetch("/cut", text), EDDY_EINCOMPLETE);
    EXPECT_IN("transfer closed", text);
    return 0;
}

TEST_ASYNC_REAL(a_connection_closed_instead_of_an_answer_is_reset)
{
    char text[CURL_ERROR_SIZE] = "";

    EXPECT_EQ(fetch("/close", text), -ECONNRESET);
    EXPECT_IN("Empty reply", text);
    return 0;
}

TEST_ASYNC_REAL(a_refused_connection_says_so_in_libcurls_words)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC,
                    0); /* bound, so that no other socket has the port; not listening */
    struct fixture f;

    REQUIRE(bind(fd, (struct sockaddr *)&address, length) == 0);
    getsockname(fd, (struct sockaddr *)&address, &length);
    if (EXPECT_EQ(set_up(&f, "/hello"), 0)) {
        snprintf(f.url, sizeof f.url, "http://127.0.0.1:%u/", ntohs(address.sin_port));
        curl_easy_setopt(f.easy, CURLOPT_URL, f.url);
        if (EXPECT_EQ(eddy_curl_perform(f.curl, f.easy), -ECONNREFUSED))
            EXPECT_IN("127.0.0.1", eddy_exception_message(eddy_error()));
        tear_down(&f);
    }
    close(fd);
    return 0;
}

/* Lets no descriptor be opened any more. */
static void use_up_descriptors(struct rlimit *ret_before)
{
    struct rlimit none;
    int lowest = dup(STDERR_FILENO);

    getrlimit(RLIMIT_NOFILE, ret_before);
    none = *ret_before;
    none.rlim_cur = (rlim_t)lowest;
    close(lowest);
    setrlimit(RLIMIT_NOFILE, &none);
}

TEST_ASYNC_REAL(a_transfer_without_a_descriptor_says_so)
{
    struct rlimit before;
    struct fixture f;
    int status;

    if (!EXPECT_EQ(set_up(&f, "/hello"), 0))
        return 0;
    use_up_descriptors(&before);
    status = eddy_curl_perform(f.curl, f.easy);
    setrlimit(RLIMIT_NOFILE, &before);
    if (EXPECT_EQ(status, -EMFILE))
        EXPECT_IN("Too many open files", eddy_exception_message(eddy_error()));
    tear_down(&f);
    return 0;
}

TEST_ASYNC_REAL(a_callback_that_refuses_data_ends_the_transfer)
{
    struct fixture f;

    eddy_try(set_up(&f, "/hello"));
    f.n_body = sizeof f.body; /* full */
    EXPECT_EQ(eddy_curl_perform(f.curl, f.easy), -EIO);
    tear_down(&f);
    return 0;
}

TEST_ASYNC_REAL(libcurls_own_timeout_strikes)
{
    struct fixture f;

    eddy_try(set_up(&f, "/never"));
    curl_easy_setopt(f.easy, CURLOPT_TIMEOUT_MS, 20L);
    EXPECT_EQ(eddy_curl_perform(f.curl, f.easy), -ETIMEDOUT);
    tear_down(&f);
    return 0;
}

TEST_ASYNC_REAL(a_deadline_takes_the_transfer_back_and_the_handle_can_be_used_again)
{
    struct fixture f;

    eddy_try(set_up(&f, "/never"));
    if (EXPECT_EQ(eddy_await(eddy_wait_for(eddy_curl_transfer(f.curl, f.easy), 0.02)),
                  -ETIMEDOUT)) {
        aim(&f, f.easy, "/hello");
        EXPECT_EQ(eddy_curl_perform(f.curl, f.easy), 0);
        EXPECT_STR(f.body, "hello");
    }
    tear_down(&f);
    return 0;
}

TEST_ASYNC_REAL(a_cancelled_task_gives_its_handle_back_before_it_ends)
{
    struct fixture f;
    eddy_task *task;

    eddy_try(set_up(&f, "/never"));
    task = eddy_create_task(eddy_curl_transfer(f.curl, f.easy));
    if (task && EXPECT_EQ(eddy_sleep(0.02), 0)) {
        eddy_task_cancel(task, "enough");
        EXPECT_EQ(eddy_await(eddy_ref(task)), -ECANCELED);
        /* Would be refused if libcurl still had it. */
        aim(&f, f.easy, "/hello");
        EXPECT_EQ(eddy_curl_perform(f.curl, f.easy), 0);
    }
    end(task);
    tear_down(&f);
    return 0;
}

enum { MANY = 20 };

static int fetch_many(struct fixture *f, struct fixture bodies[MANY], CURL *easy[MANY])
{
    eddy_group tg;

    eddy_group_enter(&tg);
    for (int i = 0; i < MANY; i++) {
        bodies[i] = (struct fixture){.server = f->server};
        aim(&bodies[i], easy[i], "/hello");
        eddy_group_create_task(&tg, eddy_curl_transfer(f->curl, easy[i]));
    }
    return eddy_group_exit(&tg, 0);
}

TEST_ASYNC_REAL(many_transfers_run_side_by_side)
{
    struct fixture f, bodies[MANY];
    CURL *easy[MANY];

    eddy_try(set_up(&f, "/hello"));
    for (int i = 0; i < MANY; i++)
        easy[i] = curl_easy_init();
    EXPECT_EQ(fetch_many(&f, bodies, easy), 0);
    for (int i = 0; i < MANY; i++) {
        EXPECT_STR(bodies[i].body, "hello");
        curl_easy_cleanup(easy[i]);
    }
    tear_down(&f);
    return 0;
}

TEST_ASYNC_REAL(transfers_are_gathered_and_one_that_fails_leaves_the_others_alone)
{
    struct fixture f, g;
    eddy_future *both;

    eddy_try(set_up(&f, "/hello"));
    if (EXPECT_EQ(set_up(&g, "/close"), 0)) {
        both = eddy_gather_list(
            EDDY_LIST(eddy_curl_transfer(f.curl, f.easy), eddy_curl_transfer(g.curl, g.easy)),
            true);
        if (both && EXPECT_EQ(eddy_await(eddy_ref(both)), 0)) {
            EXPECT_EQ(eddy_gather_outcomes(both)[0].status, 0);
            EXPECT_EQ(eddy_gather_outcomes(both)[1].status, -ECONNRESET);
        }
        EXPECT(both != NULL);
        eddy_unref(both);
        /* Without memory for the gathering the transfers are cancelled, but have not ended yet. */
        (void)eddy_sleep(0);
        (void)eddy_sleep(0);
        tear_down(&g);
    }
    tear_down(&f);
    return 0;
}

TEST_ASYNC_REAL(a_handle_that_runs_already_is_refused_and_runs_on)
{
    struct fixture f;
    eddy_task *first;

    eddy_try(set_up(&f, "/hello"));
    first = eddy_create_task(eddy_curl_transfer(f.curl, f.easy));
    if (first && EXPECT_EQ(eddy_sleep(0), 0)) {
        EXPECT_EQ(eddy_curl_perform(f.curl, f.easy), EDDY_EMISUSE);
        EXPECT_EQ(eddy_await(eddy_ref(first)), 0);
        EXPECT_STR(f.body, "hello");
    }
    end(first);
    tear_down(&f);
    return 0;
}

TEST_ASYNC_REAL(closing_ends_what_still_runs)
{
    struct fixture f;
    eddy_task *task;

    eddy_try(set_up(&f, "/never"));
    task = eddy_create_task(eddy_curl_transfer(f.curl, f.easy));
    if (task && EXPECT_EQ(eddy_sleep(0.02), 0)) {
        eddy_curl_close(f.curl);
        f.curl = NULL;
        EXPECT_EQ(eddy_await(eddy_ref(task)), EDDY_ECLOSED);
    }
    end(task);
    tear_down(&f);
    return 0;
}

TEST_ASYNC_REAL(the_private_pointer_of_a_handle_comes_back)
{
    struct fixture f;
    char *mine = NULL;

    eddy_try(set_up(&f, "/hello"));
    curl_easy_setopt(f.easy, CURLOPT_PRIVATE, "mine");
    EXPECT_EQ(eddy_curl_perform(f.curl, f.easy), 0);
    curl_easy_getinfo(f.easy, CURLINFO_PRIVATE, &mine);
    EXPECT_STR(mine, "mine");
    tear_down(&f);
    return 0;
}

/* A write callback that starts a transfer of its own. */
struct nested {
    struct fixture *f;
    CURL *other;
    int status, called;
};

static eddy_async(perform_nested, (struct nested *, n))
{
    n->status = eddy_curl_perform(n->f->curl, n->other);
    n->called++;
    return 0;
}

static size_t start_another(char *data, size_t size, size_t count, void *arg)
{
    (void)data;
    (void)eddy_spawn(perform_nested(arg), .eager_start = true);
    return size * count;
}

TEST_ASYNC_REAL(a_transfer_begun_within_a_callback_is_refused)
{
    struct fixture f;
    struct nested n = {.f = &f};

    eddy_try(set_up(&f, "/hello"));
    n.other = curl_easy_init();
    curl_easy_setopt(f.easy, CURLOPT_WRITEFUNCTION, start_another);
    curl_easy_setopt(f.easy, CURLOPT_WRITEDATA, &n);
    EXPECT_EQ(eddy_curl_perform(f.curl, f.easy), 0);
    EXPECT_EQ(n.called, 1);
    EXPECT_EQ(n.status, EDDY_EMISUSE);
    curl_easy_cleanup(n.other);
    tear_down(&f);
    return 0;
}

TEST_REAL(outside_a_task_or_its_loop_nothing_is_begun)
{
    eddy_loop *loop = test_real_loop();
    eddy_curl *curl;

    REQUIRE(eddy_curl_open(NULL) == NULL);
    EXPECT_EQ(eddy_exception_code(eddy_error()), EDDY_ENOLOOP);
    curl = eddy_curl_open(loop);
    if (curl)
        EXPECT_EQ(eddy_curl_perform(curl, NULL), EDDY_ENOTASK);
    eddy_curl_close(curl);
    eddy_loop_unref(loop);
}

static int perform_elsewhere(void *arg)
{
    return eddy_curl_perform(arg, NULL);
}

TEST_REAL(a_task_of_another_loop_is_refused)
{
    eddy_loop *loop = test_real_loop();
    eddy_curl *curl = loop ? eddy_curl_open(loop) : NULL;

    if (curl)
        EXPECT_EQ(test_run_real(eddy_coro(perform_elsewhere, curl)), EDDY_EOTHERLOOP);
    eddy_curl_close(curl);
    eddy_loop_unref(loop);
}

TEST(codes_without_an_errno_stay_recognizable)
{
    EXPECT_EQ(eddy_curl_status(CURLE_OK, NULL), 0);
    EXPECT_EQ(eddy_curl_status(CURLE_COULDNT_CONNECT, NULL), -ECONNREFUSED);
    EXPECT_EQ(eddy_curl_status(CURLE_RECV_ERROR, NULL), -EIO);
    EXPECT_EQ(eddy_curl_status(CURLE_PEER_FAILED_VERIFICATION, NULL),
              EDDY_CURL_STATUS(CURLE_PEER_FAILED_VERIFICATION));
    for (int code = 1; code < CURL_LAST; code++)
        EXPECT(eddy_curl_status((CURLcode)code, NULL) < 0);
}
