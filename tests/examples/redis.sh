# redis-client, with Redis itself: the server is in Debian's redis-tools, under another name.

start_redis()
{
    command -v redis-check-rdb >/dev/null || { echo "no redis-tools"; exit 77; }
    [ -x "$bin/redis-client" ] || { echo "built without hiredis"; exit 77; }
    (exec -a redis-server redis-check-rdb --port 0 --unixsocket "$PWD/redis" --dir "$PWD" \
        --save '' --appendonly no) >>redis.log 2>&1 & redis=$!
    servers="$servers $redis"
    until_true redis_says PONG ping || fail "Redis does not start: $(cat redis.log)"
}

# redis_says REPLY COMMAND…
redis_says()
{
    local reply=$1
    shift
    [ "$(redis-cli -s redis "$@" 2>/dev/null)" = "$reply" ]
}

test_redis_client_runs_a_thousand_commands_on_one_connection()
{
    local commands=(SET sum 0)
    start_redis
    for i in $(seq 1000); do
        commands+=(: INCRBY sum "$i")
    done
    "$bin/redis-client" "$PWD/redis" run "${commands[@]}" : GET sum >out 2>err ||
        fail "exit code $?"
    [ "$(wc -l <out)" = 1002 ] && [ "$(tail -n 1 out)" = 500500 ] || fail "another sum"
    awk 'NR > 1 && NR < 1002 { sum += NR - 1; if ($1 != sum) exit 1 }' out ||
        fail "the replies are in another order"
    redis-cli -s redis INFO commandstats | tr -d '\r' >stats
    grep -q '^cmdstat_incrby:calls=1000,' stats || fail "not a thousand commands"
    redis-cli -s redis INFO stats | grep -q '^total_connections_received:[1-9].$' ||
        fail "more connections than one"
}

test_redis_client_prints_replies_of_all_kinds()
{
    start_redis
    "$bin/redis-client" "$PWD/redis" run RPUSH list 'two words' '' : LRANGE list 0 -1 : GET none \
        : LPUSH : INCR list : PING >out 2>err
    [ $? = 1 ] || fail "success, although a command failed"
    printf '2\ntwo words\n\n(nil)\n' >expected
    head -n 4 out | cmp - expected || fail "other replies"
    [ "$(sed -n '5,6p' out | grep -c '^\(ERR\|WRONGTYPE\) ')" = 2 ] || fail "no errors"
    [ "$(tail -n 1 out)" = PONG ] || fail "the command behind the errors did not run"
}

test_redis_client_fails_when_the_server_dies()
{
    start_redis
    "$bin/redis-client" "$PWD/redis" run BLPOP nothing 0 : PING >out 2>err & pid=$!
    servers="$servers $pid"
    until_true sh -c 'redis-cli -s redis INFO clients | grep -q ^blocked_clients:1' ||
        fail "the command does not wait"
    kill -KILL "$redis"
    wait "$pid"
    code=$?
    [ $code = 1 ] && grep -q 'closed the connection\|reset by peer' err || fail "no reason"
    "$bin/redis-client" "$PWD/redis" run PING >out 2>err && fail "it reached a dead server"
    grep -q "$PWD/redis.*Connection refused" err || fail "it does not say which server"
}

test_redis_client_subscribes_again_when_the_server_is_back()
{
    start_redis
    "$bin/redis-client" "$PWD/redis" subscribe news >out 2>err & pid=$!
    servers="$servers $pid"
    until_true redis_says 1 PUBLISH news 'first item' || fail "it does not subscribe"
    kill -KILL "$redis"
    until_true grep -q '^trying again: ' err || fail "it does not notice the server's end"
    start_redis
    until_true redis_says 1 PUBLISH news second || fail "it does not subscribe again"
    redis_says 1 CLIENT KILL TYPE pubsub
    until_true redis_says 1 PUBLISH news third || fail "it does not subscribe a third time"
    until_true grep -q third out || fail "no third message"
    [ "$(tr '\n' ' ' <out)" = '1 first item 1 second 1 third ' ] || fail "other messages"
    kill -TERM "$pid"
    wait "$pid" || fail "exit code $? after SIGTERM"
}

test_redis_client_says_how_it_is_called()
{
    [ -x "$bin/redis-client" ] || { echo "built without hiredis"; exit 77; }
    "$bin/redis-client" --help | grep -q '^usage: redis-client SERVER' || fail "--help"
    "$bin/redis-client" --version | grep -q '^redis-client, .* eddy [0-9]' || fail "--version"
    for arguments in "" "server" "server run" "server subscribe" "server eat this"; do
        # shellcheck disable=SC2086 # a list of words
        "$bin/redis-client" $arguments >out 2>err
        [ $? = 2 ] && grep -q '^usage:' err || fail "'$arguments'"
    done
    "$bin/redis-client" nowhere run PING 2>err && fail "an address without a port"
    grep -q 'nowhere is neither' err || fail "it does not say what is wrong"
}
