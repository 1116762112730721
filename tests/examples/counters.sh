# counters.

test_counters_are_exact_on_several_cores()
{
    local clients=
    serve "$bin/counters" 0 4
    for client in $(seq 20); do
        { echo WORKER && for i in $(seq 100); do echo "INCR pear $((i % 7))"; done; } |
            timeout 60 nc -N localhost "$port" >"out$client" & clients="$clients $!"
    done
    # shellcheck disable=SC2086 # a list of numbers
    wait $clients
    [ "$(cat out* | wc -l)" = 2020 ] || fail "not an answer to each request"
    [ "$(for i in $(seq 20); do head -n 1 "out$i"; done | sort -u | wc -l)" -gt 1 ] ||
        fail "one worker served everything"
    printf 'SUM\nINCR pear 1\nINCR pear 0\nINCR new\nSUM\n' | nc -N localhost "$port" >out
    [ "$(tr '\n' ' ' <out)" = "2000 301 281 1 2003 " ] || fail "they are not exact"
}

# A worker without clients has served its own, but not those that ask it.
test_counters_end_with_grace()
{
    serve "$bin/counters" 0 4
    mkfifo in
    nc -N localhost "$port" <in >out & servers="$servers $!"
    exec 3>in
    printf 'INCR a\nINC' >&3
    until_true grep -q '^1$' out || fail "no answer"
    kill -TERM "$pid"
    until_true sh -c "! nc -z localhost $port" || fail "it still listens"
    printf 'R b\n' >&3
    until_true lines 2 '^1$' || fail "the request under way is lost"
    wait "$pid" || fail "exit code $?"
}

test_counters_say_what_is_wrong()
{
    "$bin/counters" --help | grep -q '^usage: counters' || fail "--help"
    for arguments in "" "0 0" "0 65" "0 1 2"; do
        # shellcheck disable=SC2086 # a list of words
        "$bin/counters" $arguments 2>err
        [ $? = 2 ] && grep -q '^usage:' err || fail "'$arguments'"
    done
    serve "$net/echo_server" 0
    timeout 60 "$bin/counters" "$port" 4 2>err
    [ $? = 1 ] && grep -q 'Address already in use' err || fail "a port that is taken"
}
