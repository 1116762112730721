# on-change, with GLib's file monitor.

test_on_change_runs_a_command_for_each_change()
{
    [ -x "$bin/on-change" ] || { echo "built without GLib"; exit 77; }
    mkdir folder
    printf '%s\n' '#!/bin/sh' 'echo "$1 ($$)"' 'grep -q slow "$1" && exec sleep 1000' 'rm -f "$1"' \
        >command
    chmod +x command
    "$bin/on-change" folder "$PWD/command" >out 2>err & pid=$!
    servers="$servers $pid"
    for _ in $(seq 500); do # until it watches
        echo first >folder/first
        sleep 0.02
        ! grep -q first out || break
    done
    for i in $(seq 20); do
        echo "$i" >"folder/file $i"
    done
    until_true sh -c '[ -z "$(ls folder)" ]' || fail "not all files were seen: $(ls folder)"
    [ "$(grep -c '/file [0-9]* (' out)" = 20 ] || fail "not one command for each"
    echo slow >folder/slow
    until_true grep -q '/slow (' out || fail "no command"
    child=$(sed -n 's,.*/slow (\([0-9]*\))$,\1,p' out)
    kill -TERM "$pid"
    wait "$pid" || fail "exit code $? after SIGTERM"
    until_true sh -c "! kill -0 $child 2>/dev/null" || fail "the command still runs"
}

test_on_change_says_what_is_wrong()
{
    [ -x "$bin/on-change" ] || { echo "built without GLib"; exit 77; }
    "$bin/on-change" --help | grep -q '^usage: on-change' || fail "--help"
    "$bin/on-change" folder 2>err
    [ $? = 2 ] || fail "no command"
    mkdir folder
    "$bin/on-change" folder "$PWD/none" 2>err & pid=$!
    servers="$servers $pid"
    until_true sh -c "echo x >folder/x; grep -q 'none.*No such file' err" || fail "no reason"
    wait "$pid"
    [ $? = 1 ] || fail "another exit code"
}
