#!/bin/sh
# Tests of the example parallel-runner. A line for each.
#
#     parallel_runner.sh PROGRAM DIRECTORY
set -u
runner=$1
cd "$2" || exit 2
failed=0

# Says how the test has ended whose last command had this status.
verdict()
{
    if [ "$1" -eq 0 ]; then
        echo "ok parallel-runner $2"
    else
        echo "not ok parallel-runner $2"
        sed 's/^/# /' out err
        failed=1
    fi
}

printf 'echo one; echo more\n\n# a comment\n echo two >&2\nprintf three\n' >commands
"$runner" -j 1 commands >out 2>err &&
    printf '[1] one\n[1] more\n[2] two\n[3] three\n' | diff - out &&
    [ "$(grep -c '\] ok: ' err)" -eq 3 ] && grep -q '^3/3: \[3\] ok: printf three$' err
verdict $? "runs commands and prefixes their lines"

printf 'exit 3\ntrue\nkill -9 $$\nno-such-program\n' | "$runner" -j 2 >out 2>err
[ $? -eq 1 ] && grep -q 'exit code 3: exit 3' err && grep -q 'signal 9' err &&
    grep -q 'exit code 127' err && grep -q 'ok: true' err
verdict $? "says which failed"

# Each of the two waits for the other: they must run at the same time.
mkfifo there back
printf 'echo x >there; cat back\ncat there; echo y >back\n' | "$runner" -j 2 >out 2>err &&
    grep -q '\[1\] y' out && grep -q '\[2\] x' out
verdict $? "runs several at a time"

# The second would see what the third makes, if they ran at the same time.
printf 'true\necho $(ls)>seen\ntouch made\n' | "$runner" -j 1 >out 2>err && ! grep -q made seen &&
    [ -e made ]
verdict $? "runs no more than it may"

# A command of 140 000 bytes is more than one argument of a program may have.
{
    echo 'echo one'
    printf 'echo '
    head -c 140000 /dev/zero | tr '\0' a
    echo
    echo 'echo three'
} | "$runner" -j 1 >out 2>err
[ $? -eq 1 ] && grep -q '^\[1\] one$' out && grep -q '^\[3\] three$' out &&
    grep -q '\[2\] cannot be started (Argument list too long): echo aaa' err
verdict $? "runs the others when a line is too long"

for signal in 15 1 3; do # SIGTERM, SIGHUP, SIGQUIT
    printf 'sleep 1000 & echo $!; wait\n' >commands
    : >out
    # A shell without job control has its background processes ignore SIGQUIT; the program handles
    # it all the same.
    "$runner" commands >out 2>err &
    pid=$!
    until grep -q '^\[1\] [0-9]' out; do kill -0 $pid || break; done
    kill -$signal $pid
    wait $pid
    status=$?
    child=$(sed 's/.* //' out)
    # Its new parent may take a moment to wait for it.
    while [ -n "$child" ] && [ -e "/proc/$child" ] &&
        ! grep -q '^State:.*Z' "/proc/$child/status" 2>/dev/null; do :; done
    [ $status -eq $((128 + signal)) ] && [ -n "$child" ]
    verdict $? "kills everything at signal $signal"
done

"$runner" -j 0 commands >out 2>err
[ $? -eq 2 ] && grep -q usage err && ! "$runner" /nowhere >out 2>err
verdict $? "refuses what makes no sense"
exit $failed
