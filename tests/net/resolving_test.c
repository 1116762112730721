/*
 * Looking up names without a task.
 */
#include "net/fake_dns.h"
#include "net/name_files.h"

static struct fake_dns dns;

/* The result of a lookup, and the loop that it stops. */
struct told {
    eddy_loop *loop;
    int n, rc; /* number of calls, and the status of the latest */
    char first[EDDYI_ADDRESS_TEXT], message[100];
};

static void note_list(void *arg, int rc, struct addrinfo *list)
{
    struct told *t = arg;

    t->n++;
    t->rc = rc;
    if (rc < 0)
        snprintf(t->message, sizeof t->message, "%s", eddy_exception_message(eddy_error()));
    else
        eddyi_address_format(list->ai_addr, list->ai_addrlen, t->first, sizeof t->first);
    eddy_freeaddrinfo(list);
    eddy_loop_stop(t->loop);
}

static void begin(struct told *t)
{
    *t = (struct told){.loop = test_real_loop(), .rc = 1};
    REQUIRE(t->loop != NULL);
    name_files_none(t->loop);
}

static int look_up(struct told *t, const char *host, eddy_resolving **ret)
{
    char copy[64];
    int rc;

    snprintf(copy, sizeof copy, "%s", host);
    rc = eddy_loop_getaddrinfo(t->loop, copy, "80", &(struct addrinfo){.ai_family = AF_INET},
                               note_list, t, ret);
    memset(copy, 'x', sizeof copy); /* the lookup has a copy */
    EXPECT_EQ(t->n, 0);
    return rc;
}

/* Looks @host up, runs the loop until the result is told, and closes it. */
static int find(struct told *t, const char *host)
{
    eddy_resolving *resolving;
    int rc = look_up(t, host, &resolving);

    if (rc == 0)
        EXPECT_EQ(eddy_loop_run_forever(t->loop), 0);
    return rc;
}

static void end(struct told *t, int n)
{
    eddy_loop_close(t->loop);
    EXPECT_EQ(t->n, n);
    eddy_loop_unref(t->loop);
}

TEST_REAL(an_address_that_needs_no_lookup_is_told_later_too)
{
    struct told t;

    begin(&t);
    if (EXPECT_EQ(find(&t, "192.0.2.7"), 0)) {
        EXPECT_EQ(t.rc, 0);
        EXPECT_STR(t.first, "192.0.2.7 port 80");
        end(&t, 1);
    } else {
        end(&t, 0);
    }
}

TEST_REAL(an_address_is_told_when_the_loop_closes_before_its_turn)
{
    eddy_resolving *resolving;
    struct told t;

    begin(&t);
    end(&t, look_up(&t, "192.0.2.7", &resolving) == 0);
}

TEST_REAL(a_name_that_cannot_be_is_refused_at_once)
{
    eddy_resolving *resolving;
    struct told t;

    begin(&t);
    EXPECT_EQ(look_up(&t, "a..b", &resolving), EDDY_EBADNAME);
    EXPECT_EQ(eddy_loop_getaddrinfo(t.loop, "192.0.2.7", NULL, NULL, note_list, &t, NULL), -EINVAL);
    EXPECT_EQ(eddy_loop_getaddrinfo(t.loop, "192.0.2.7", NULL, NULL, NULL, &t, &resolving),
              -EINVAL);
    end(&t, 0);
}

TEST_REAL(a_name_is_found_by_name_servers_without_a_task)
{
    struct told t;

    if (!eddyi_has_cares)
        SKIP("built without c-ares");
    fake_dns_open(&dns);
    begin(&t);
    if (EXPECT_EQ(eddy_loop_set_nameservers(t.loop, dns.server), 0)) {
        if (EXPECT_EQ(find(&t, "one.test"), 0)) {
            EXPECT_EQ(t.rc, 0);
            EXPECT_STR(t.first, "192.0.2.1 port 80");
            t.n = 0;
        }
        if (EXPECT_EQ(find(&t, "nx.test"), 0)) {
            EXPECT_EQ(t.rc, EDDY_ENONAME);
            EXPECT_IN("nx.test", t.message);
            t.n = 0;
        }
    }
    end(&t, 0);
    fake_dns_close(&dns);
}

TEST_REAL(a_thread_asks_the_system_without_a_task)
{
    struct told t;

    begin(&t);
    EXPECT_EQ(eddy_loop_set_resolver(t.loop, EDDY_RESOLVER_SYSTEM), 0);
    if (EXPECT_EQ(find(&t, "localhost"), 0)) {
        EXPECT_EQ(t.rc, 0);
        EXPECT_STR(t.first, "127.0.0.1 port 80");
        end(&t, 1);
    } else {
        end(&t, 0);
    }
}

TEST_REAL(a_cancelled_lookup_tells_nothing)
{
    eddy_resolving *resolving = NULL;
    struct told t;

    begin(&t);
    EXPECT_EQ(eddy_loop_set_resolver(t.loop, EDDY_RESOLVER_SYSTEM), 0);
    if (EXPECT_EQ(look_up(&t, "localhost", &resolving), 0))
        eddy_resolving_cancel(resolving);
    if (eddyi_has_cares) {
        fake_dns_open(&dns);
        if (EXPECT_EQ(eddy_loop_set_nameservers(t.loop, dns.server), 0) &&
            EXPECT_EQ(look_up(&t, "silent.test", &resolving), 0))
            eddy_resolving_cancel(resolving);
        fake_dns_close(&dns);
    }
    eddy_resolving_cancel(NULL);
    eddy_loop_stop(t.loop);
    EXPECT_EQ(eddy_loop_run_forever(t.loop), 0);
    end(&t, 0);
}

TEST_REAL(a_loop_that_closes_ends_lookups_without_a_task)
{
    eddy_resolving *resolving;
    struct told t;
    int n = 0;

    begin(&t);
    EXPECT_EQ(eddy_loop_set_resolver(t.loop, EDDY_RESOLVER_SYSTEM), 0);
    n += EXPECT_EQ(look_up(&t, "localhost", &resolving), 0);
    if (eddyi_has_cares) {
        fake_dns_open(&dns);
        if (EXPECT_EQ(eddy_loop_set_nameservers(t.loop, dns.server), 0))
            n += EXPECT_EQ(look_up(&t, "silent.test", &resolving), 0);
        fake_dns_close(&dns);
    }
    end(&t, n);
    EXPECT_EQ(t.rc, n > 0 ? -ECANCELED : 1);
}
