# job-runner.

run_jobs()
{
    "$bin/job-runner" jobs >out 2>err & pid=$!
    servers="$servers $pid"
}

# Sends SIGTERM, and expects that the program ends as it should.
end_jobs()
{
    kill -TERM "$pid"
    wait "$pid" || fail "exit code $? after SIGTERM"
}

# lines N PATTERN [FILE]: whether out, or FILE, has N of them, at least.
lines()
{
    [ "$(grep -c "$2" "${3:-out}")" -ge "$1" ]
}

test_job_runner_runs_commands_again_and_again()
{
    "$bin/job-runner" --help | grep -q '^usage: job-runner' || fail "--help"
    "$bin/job-runner" 2>err && fail "no file"
    printf '# a comment\nbeat 0.01 5 0 echo tick; echo and more\nslow 60 5 0 echo once\n' >jobs
    run_jobs
    until_true lines 5 '^beat: tick$' || fail "no five ticks"
    end_jobs
    [ "$(grep -c '^slow: once$' out)" = 1 ] || fail "the other job did not run once"
    lines 1 '^beat: ended$' && lines 1 '^slow: ended$' || fail "the jobs did not end"
    [ ! -s err ] || fail "something failed"
}

test_job_runner_tries_again_and_limits_time()
{
    printf '%s\n' 'bad 60 5 1 echo oops; exit 3' 'killed 60 5 0 kill -9 $$' \
        'late 60 0.05 0 sleep 1000' >jobs
    run_jobs
    until_true grep -q '^late: ' err || fail "no limit of time"
    until_true lines 2 '^bad: oops$' || fail "not tried again"
    until_true lines 2 '^bad: exit code 3' err || fail "not two failures"
    until_true grep -q '^killed: signal 9' err || fail "no signal"
    grep -q '^late: more than 0.05 s' err || fail "no reason"
    end_jobs
}

test_job_runner_reads_its_file_again()
{
    printf 'stays 60 5 0 echo once\ngoes 0.01 5 0 echo tick\nrubbish\n' >jobs
    run_jobs
    until_true lines 2 '^goes: tick$' || fail "no ticks"
    grep -q '^malformed: rubbish$' err || fail "a malformed line is not reported"
    printf 'stays 60 5 0 echo once\nnew 0.01 5 0 echo tock\n' >jobs
    kill -HUP "$pid"
    until_true lines 2 '^new: tock$' || fail "the new job does not run"
    lines 1 '^goes: ended$' || fail "the old job has not ended"
    rm jobs
    kill -HUP "$pid"
    until_true grep -q 'jobs are unchanged: .*jobs' err || fail "no file, and no word of it"
    until_true lines $(($(grep -c '^new: tock$' out) + 2)) '^new: tock$' ||
        fail "the jobs have ended with their file"
    end_jobs
    [ "$(grep -c '^stays: once$' out)" = 1 ] || fail "an unchanged job began again"
}

# The shell of the command, and what it started.
test_job_runner_leaves_no_process_behind()
{
    local children
    echo 'tree 60 60 0 echo $$ >pids; sh -c "echo \$\$ >>pids; exec sleep 1000"; exit 0' >jobs
    run_jobs
    until_true sh -c '[ "$(wc -l <pids)" = 2 ]' 2>/dev/null || fail "no processes"
    children=$(cat pids)
    end_jobs
    for child in $children; do
        until_true sh -c "! kill -0 $child 2>/dev/null" || fail "process $child is still there"
    done
}
