# plugin-host, with a plugin in C++.

serve_plugin()
{
    [ -x "$bin/plugin-host" ] || { echo "built without a C++ compiler"; exit 77; }
    serve "$bin/plugin-host" 0 "$build/examples/plugin/sorter.so"
}

answers()
{
    timeout 60 nc -N localhost "$port" >out
}

test_plugin_host_answers_with_the_tasks_of_a_plugin()
{
    serve_plugin
    printf '60 20 40\n\n3\n' | answers
    [ "$(tr '\n' ' ' <out)" = "20 40 60 3 " ] || fail "it is not sorted"
}

test_plugin_host_sends_the_exceptions_of_a_plugin()
{
    serve_plugin
    printf '10 pear 20\n30\n5000 40\n50\n' | answers
    sed -n 1p out | grep -q '^error: stoi' || fail "no exception of the library"
    [ "$(sed -n 2,3p out | tr '\n' ' ')" = "30 40 " ] || fail "it does not go on"
    sed -n 4p out | grep -q '^error: .*timed out' || fail "no limit of time"
    [ "$(tail -n 1 out)" = 50 ] || fail "it does not go on after it"
}

test_plugin_host_ends_with_grace()
{
    serve_plugin
    mkfifo in
    nc -N localhost "$port" <in >out & servers="$servers $!"
    exec 3>in
    echo 10 300 >&3
    until_true grep -q '^10$' out || fail "no answer"
    kill -TERM "$pid"
    wait "$pid" || fail "exit code $?"
    until_true grep -q '^300$' out || fail "the answer under way is lost"
}

test_plugin_host_says_what_is_wrong_with_a_plugin()
{
    [ -x "$bin/plugin-host" ] || { echo "built without a C++ compiler"; exit 77; }
    "$bin/plugin-host" --help | grep -q '^usage: plugin-host' || fail "--help"
    "$bin/plugin-host" 0 "$PWD/none.so" 2>err && fail "a plugin that is not there"
    grep -q 'none.so: cannot open' err || fail "it does not say which"
    "$bin/plugin-host" 0 "$(readlink -f "$build"/src/libeddy.so)" 2>err && fail "no plugin at all"
    grep -q 'undefined symbol: plugin' err || fail "it does not say what it lacks"
}
