/*
 * PostgreSQL: queries that run at the same time, over a pool of connections, with libpq's
 * asynchronous calls.
 *
 *     build/bin/pg-query -n 2 dbname=postgres 'select now()' 'select 6 * 7'
 *
 * libpq never waits in these calls: it says what its socket has to become, readable or writable,
 * and eddy_poll() waits for that. (Only a host's name is looked up by libpq itself, and blocks;
 * "hostaddr" does without.)
 */
#include "command.h"

#include <libpq-fe.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

static const char help[] =
    "usage: pg-query [-n CONNECTIONS] [-t SECONDS] CONNINFO QUERY...\n\n"
    "Runs the queries, over at most CONNECTIONS (5) at a time, and prints the number of the query\n"
    "before each row. Each query has SECONDS (30), and so has each connection: while the server\n"
    "does not accept it, it is tried again.\n";

static double connections = 5, limit = 30; /* at most so many, so many seconds */
static bool failed;

/* The connections that no query uses. A slot for a connection that was not made yet is NULL. */
static eddy_queue idle;

/* Raises the message of libpq, which ends with a line feed. */
static int pg_raise(int code, const char *message)
{
    return eddy_raise(code, "%.*s", (int)strcspn(message, "\n"), message);
}

static int pg_connect(const char *conninfo, PGconn **ret)
{
    PostgresPollingStatusType wanted = PGRES_POLLING_WRITING;
    PGconn *c = PQconnectStart(conninfo);
    int rc = 0;

    while (rc >= 0 && PQstatus(c) != CONNECTION_BAD && wanted != PGRES_POLLING_OK) {
        rc = eddy_poll(PQsocket(c), wanted == PGRES_POLLING_READING ? POLLIN : POLLOUT);
        wanted = rc < 0 ? PGRES_POLLING_FAILED : PQconnectPoll(c);
    }
    if (rc >= 0 && (PQstatus(c) == CONNECTION_BAD || PQsetnonblocking(c, 1) < 0))
        rc = pg_raise(-ECONNREFUSED, PQerrorMessage(c));
    if (rc < 0)
        PQfinish(c);
    else
        *ret = c;
    return rc;
}

/* Connects; if the server does not accept it, perhaps because it is starting, tries again. */
static int pg_connect_patiently(const char *conninfo, PGconn **ret)
{
    int rc;

    for (double pause = 0.1; (rc = pg_connect(conninfo, ret)) == -ECONNREFUSED; pause *= 2) {
        eddy_perror("trying again");
        eddy_try(eddy_sleep(pause));
    }
    return rc;
}

/* Runs a query. *ret is NULL or its result, which the caller clears, also on failure. */
static int pg_query(PGconn *c, const char *sql, PGresult **ret)
{
    PGresult *next;
    int rc = PQsendQueryParams(c, sql, 0, NULL, NULL, NULL, NULL, 0) ? PQflush(c) : -1;

    while (rc > 0) {
        eddy_try(eddy_poll(PQsocket(c), POLLIN | POLLOUT));
        rc = PQconsumeInput(c) ? PQflush(c) : -1;
    }
    if (rc != 0)
        return pg_raise(-EIO, PQerrorMessage(c));
    for (;;) {
        while (PQisBusy(c)) {
            eddy_try(eddy_poll(PQsocket(c), POLLIN));
            if (!PQconsumeInput(c))
                return pg_raise(-EIO, PQerrorMessage(c));
        }
        if (!(next = PQgetResult(c)))
            break;
        PQclear(*ret);
        *ret = next;
    }
    if (PQresultStatus(*ret) == PGRES_TUPLES_OK || PQresultStatus(*ret) == PGRES_COMMAND_OK)
        return 0;
    return pg_raise(EDDY_EUSER, PQresultErrorMessage(*ret));
}

/* Has the server end a query; blocks, so it runs in a thread. */
static eddy_run_on_executor(pg_cancel, (PGcancel *, query))
{
    char why[256];

    PQcancel(query, why, sizeof why);
    PQfreeCancel(query);
    return 0;
}

/* Runs a query over a connection of the pool, once there is one. */
static int pool_query(const char *conninfo, const char *sql, PGresult **ret)
{
    PGconn *c;
    int rc = 0;

    eddy_try(eddy_queue_get_value(&idle, &c));
    /* The only thing that a server says on an idle connection is that it ends. */
    if (c && poll(&(struct pollfd){.fd = PQsocket(c), .events = POLLIN}, 1, 0) != 0) {
        PQfinish(c);
        c = NULL;
    }
    if (!c)
        rc = eddy_within(limit, pg_connect_patiently(conninfo, &c));
    if (rc >= 0)
        rc = eddy_within(limit, pg_query(c, sql, ret));
    if (c && PQtransactionStatus(c) == PQTRANS_ACTIVE) {
        (void)eddy_await(pg_cancel(PQgetCancel(c)));
        rc = eddy_raise(rc, "more than %g s", limit);
    }
    if (c && PQtransactionStatus(c) != PQTRANS_IDLE) {
        PQfinish(c);
        c = NULL;
    }
    (void)!eddy_queue_put_value_nowait(&idle, &c);
    return rc;
}

/* Runs a query and prints its result. A failure of one query does not cancel the others. */
static eddy_async(run_query, (const char *, conninfo), (int, number), (const char *, sql))
{
    PGresult *result = NULL;
    int rc = pool_query(conninfo, sql, &result);

    for (int row = 0; rc >= 0 && row < PQntuples(result); row++) {
        printf("%d:", number);
        for (int column = 0; column < PQnfields(result); column++)
            printf("%c%s", column ? '|' : ' ', PQgetvalue(result, row, column));
        puts("");
    }
    PQclear(result);
    if (rc < 0 && rc != -ECANCELED) {
        eddy_perror(sql);
        failed = true;
    }
    return rc == -ECANCELED ? rc : 0;
}

static eddy_async(amain, (const char *, conninfo), (char **, queries))
{
    PGconn *c = NULL;
    eddy_group tg;
    int rc;

    eddy_lifo_queue_init_values(&idle, 0, sizeof c);
    for (int i = 0; i < connections; i++)
        eddy_try(eddy_queue_put_value_nowait(&idle, &c));
    eddy_group_enter(&tg);
    for (int i = 0; queries[i]; i++)
        eddy_group_create_task(&tg, run_query(conninfo, i + 1, queries[i]));
    rc = eddy_group_exit(&tg, 0);
    while (eddy_queue_get_value_nowait(&idle, &c) == 0)
        PQfinish(c);
    eddy_queue_fini(&idle);
    return rc;
}

int main(int argc, char **argv)
{
    int option, rc;

    if (command_is_answered(argc, argv, help))
        return 0;
    while ((option = getopt(argc, argv, "+n:t:")) == 'n' || option == 't')
        *(option == 'n' ? &connections : &limit) = atof(optarg);
    if (option != -1 || argc - optind < 2 || !(connections >= 1 && limit > 0))
        return command_refuse(help);
    setlinebuf(stdout);
    rc = eddy_main(amain(argv[optind], argv + optind + 1), .sigterm = true);
    return rc ? rc : failed;
}
