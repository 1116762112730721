# pg-query, with PostgreSQL itself, whose programs Debian keeps outside of the PATH.

# A cluster of its own in the folder pg, which is made on a disk in memory if there is one.
make_cluster()
{
    local memory
    PATH=$PATH:$(echo /usr/lib/postgresql/*/bin | tr ' ' :)
    command -v initdb >/dev/null || { echo "no PostgreSQL"; exit 77; }
    [ -x "$bin/pg-query" ] || { echo "built without libpq"; exit 77; }
    memory=$(mktemp -d -p /dev/shm 2>/dev/null || mktemp -d -p /tmp) && ln -s "$memory" pg
    chmod a+rwx "$memory"
    trap 'stop_servers; rm -rf "$(readlink -f pg)"' EXIT
    # PostgreSQL does not run as root.
    [ "$(id -u)" != 0 ] || as_user="setpriv --reuid=nobody --regid=nogroup --clear-groups"
    # shellcheck disable=SC2086 # a list of words
    (cd "$memory" && ${as_user:-} initdb --no-sync --auth=trust --username=test --locale=C \
        -D "$memory/data") >initdb.log 2>&1 || fail "initdb: $(tail -n 1 initdb.log)"
    conninfo="host=$memory dbname=postgres user=test"
}

start_postgresql()
{
    local memory
    memory=$(readlink -f pg)
    # shellcheck disable=SC2086 # a list of words
    (cd "$memory" && exec ${as_user:-} postgres -D data -k "$memory" -c listen_addresses= \
        -c fsync=off -c max_connections=20) >>postgresql.log 2>&1 & postgresql=$!
    servers="$servers $postgresql"
}

# run_in_server N: whether N queries that contain "1000" run there.
run_in_server()
{
    [ "$(psql -XAtq "$conninfo" -c "select count(*) from pg_stat_activity
        where state = 'active' and query like '%00' || '0%'")" = "$1" ]
}

# All in one test: making a cluster takes a second.
test_pg_query_queries_cancels_and_reconnects()
{
    make_cluster

    # Nothing listens yet: it waits for the server.
    "$bin/pg-query" -n 2 "$conninfo" "select 6 * 7, null, 'a b'" 'select 1 where false' \
        'create table t as select generate_series(1, 3) as i' >out 2>err & pid=$!
    servers="$servers $pid"
    until_true grep -q '^trying again: .*No such file' err || fail "it does not try again"
    start_postgresql
    wait "$pid" || fail "exit code $? although the server came"
    [ "$(cat out)" = "1: 42||a b" ] || fail "another result"

    # Fifty queries over five connections, each of which would be alone for a second.
    set -- $(seq 50)
    "$bin/pg-query" "$conninfo" "${@/#/select pg_sleep(0.01), }" >out 2>err || fail "exit code $?"
    [ "$(sed 's/^\([0-9]*\): |\1$/ok/' out | sort | uniq -c | tr -d ' ')" = 50ok ] ||
        fail "not fifty results"

    # The failure of one is no other's; a connection that the server ends is replaced.
    "$bin/pg-query" -n 1 "$conninfo" 'select 1' 'select no_such_column' \
        'select pg_terminate_backend(pg_backend_pid())' 'select 4' 'begin' 'select 6' >out 2>err
    [ $? = 1 ] || fail "success, although queries failed"
    [ "$(tr '\n' ' ' <out)" = '1: 1 4: 4 6: 6 ' ] || fail "other results"
    grep -q '^select no_such_column: .*column "no_such_column" does not exist' err &&
        grep -q '^select pg_terminate_backend.*: .*terminating connection' err &&
        [ "$(wc -l <err)" = 2 ] || fail "other reasons"

    # A query that takes too long ends, here and in the server.
    "$bin/pg-query" -t 0.2 -n 1 "$conninfo" 'select pg_sleep(1000)' 'select 2' >out 2>err
    [ $? = 1 ] && grep -q '^select pg_sleep.*more than 0.2 s' err && [ "$(cat out)" = "2: 2" ] ||
        fail "no limit of time"
    until_true run_in_server 0 || fail "the server goes on"
    grep -q 'canceling statement due to user request' postgresql.log || fail "it was not cancelled"

    # So does one when the program ends.
    "$bin/pg-query" "$conninfo" 'select pg_sleep(1000)' >out 2>err & pid=$!
    servers="$servers $pid"
    until_true run_in_server 1 || fail "the query does not run"
    kill -TERM "$pid"
    wait "$pid" || fail "exit code $? after SIGTERM"
    [ "$(grep -c 'canceling statement' postgresql.log)" = 2 ] || fail "the server goes on"

    # The server dies.
    "$bin/pg-query" "$conninfo" 'select pg_sleep(1000)' >out 2>err & pid=$!
    servers="$servers $pid"
    until_true run_in_server 1 || fail "the query does not run"
    kill -QUIT "$postgresql"
    wait "$pid"
    [ $? = 1 ] && grep -q 'terminating connection\|closed the connection\|reset by peer' err ||
        fail "no failure, although the server died"
}

test_pg_query_says_how_it_is_called()
{
    [ -x "$bin/pg-query" ] || { echo "built without libpq"; exit 77; }
    "$bin/pg-query" --help | grep -q '^usage: pg-query' || fail "--help"
    for arguments in "" "dbname=x" "-n 0 dbname=x select" "-t 0 dbname=x select" "-x a b"; do
        # shellcheck disable=SC2086 # a list of words
        "$bin/pg-query" $arguments >out 2>err
        [ $? = 2 ] && grep -q '^usage:' err || fail "'$arguments'"
    done
}
