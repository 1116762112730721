# The tests. Each runs in a directory of its own; the first line that fails ends it, and says why.

# start SCENE [PROGRAM]: a program to look at, once it is in the state that it is to be in; its
# number in $pid.
start()
{
    : >ready # what an earlier program said is not this one's word
    "${2:-$subject}" "$1" >ready 2>subject.err &
    pid=$!
    echo $pid >>"$work/pids"
    for _ in $(seq 400); do
        [ -s ready ] && return 0
        kill -0 $pid 2>/dev/null || break
        sleep 0.025
    done
    cat subject.err
    echo "the program '$1' did not get ready"
    exit 1
}

stop_subjects()
{
    [ -s "$work/pids" ] || return 0
    # shellcheck disable=SC2046
    kill -KILL $(cat "$work/pids") 2>/dev/null
    : >"$work/pids"
}

fail()
{
    echo "--- standard output:" && head -n 80 out
    echo "--- standard error:" && head -n 30 err
    echo "$1"
    exit 1
}

skip()
{
    echo "$1"
    exit 77
}

# run ARGUMENTS…: runs the eddy command; exit code in $code, outputs in the files out and err.
run()
{
    "$eddy" "$@" >out 2>err </dev/null
    code=$?
}

expect_code()
{
    [ "$code" = "$1" ] || fail "exit code $code instead of $1"
}

# expect_line FILE PATTERN: a line that matches the extended regular expression.
expect_line()
{
    grep -qE -- "$2" "$1" || fail "nothing like '$2' in $1"
}

expect_no_line()
{
    ! grep -qE -- "$2" "$1" || fail "'$2' in $1"
}

# The two tasks that await each other, and the one that waits for the first.
expect_cycle()
{
    expect_code 0
    expect_line out '^Task-1: deadlock  \[waiting [0-9.]+ s: task .left.\]$'
    expect_line out '^└── left: await_the_other  \[waiting [0-9.]+ s: task .right.\]$'
    expect_line out '^    └── right: await_the_other  \[waiting [0-9.]+ s: task .left.\]$'
    expect_line out '^        └── left  \(in a cycle: see above\)$'
    expect_line out '^cycle: left → right → left$'
}

test_pstree_shows_the_cycle_of_a_deadlock()
{
    start deadlock
    run pstree $pid
    expect_cycle
    expect_line out "^process $pid, loop 1 \(.*, thread $pid\), 3 tasks, waits for events$"
}

test_pstree_shows_a_cycle_of_locks()
{
    start crosswise
    run pstree $pid
    expect_code 0
    expect_line out '^one: take_both  \[waiting [0-9.]+ s: a lock held by .two.\]$'
    expect_line out '^└── two: take_both  \[waiting [0-9.]+ s: a lock held by .one.\]$'
    expect_line out '^cycle: one → two → one$'
}

test_a_stopped_process_answers()
{
    start deadlock
    kill -STOP $pid
    run pstree $pid
    expect_cycle
    run ps $pid
    expect_code 0
    expect_line out "left .*waiting"
    kill -CONT $pid
}

test_a_shared_library_is_found()
{
    start deadlock "$subject_shared"
    run pstree $pid
    expect_cycle
}

test_a_program_without_symbols_is_found()
{
    command -v strip >/dev/null || skip "there is no strip"
    strip -o stripped "$subject" || fail "strip"
    start deadlock ./stripped
    run pstree $pid
    expect_cycle
}

test_a_program_without_the_note_is_found_by_its_symbols()
{
    command -v objcopy >/dev/null || skip "there is no objcopy"
    # The note is in the same segment as others; its type becomes another.
    cp "$subject" changed
    offset=$(readelf -SW changed | sed \
        -n 's/.* \.note\.eddy *NOTE *[0-9a-f]* \([0-9a-f]*\) .*/\1/p')
    [ -n "$offset" ] || fail "the program has no note"
    printf '\002' | dd of=changed bs=1 seek=$((0x$offset + 8)) conv=notrunc 2>/dev/null
    start deadlock ./changed
    run pstree $pid
    expect_cycle
}

test_a_program_whose_file_is_gone_is_found()
{
    cp "$subject" gone
    start deadlock ./gone
    rm gone
    run pstree $pid
    expect_cycle
}

test_ps_tells_what_each_task_waits_for()
{
    start zoo
    run ps $pid
    expect_code 0
    titles='LOOP +TID +TASK ID +NAME +STATE +FOR +WAITS FOR +COROUTINES +AWAITED BY +STACK +CREATED'
    expect_line out "^$titles AT$"
    task="^1 +$pid +0x[0-9a-f]+ +Task-1"
    expect_line out "$task +waiting +[0-9.]+ s +the tasks of its group +zoo +locker \(lock\)"
    expect_line out ' locker .* a lock held by .Task-1. +take_lock +'
    expect_line out ' receiver .* recv on descriptor [0-9]+ +receive +'
    expect_line out ' gatherer .* a gather +both +'
    expect_line out ' Task-[0-9]+ .* sleep +branch > leaf +gatherer \(gather\)'
    expect_line out ' shielded .* sleep +leaf +member \(shield\) '
    expect_line out ' member .* a shield +wait_for +Task-1 '
    expect_line out ' watcher .* task .watched. +await_the_other +Task-1 +.*subject\.c:[0-9]+$'
    [ "$(wc -l <out)" = 11 ] || fail "not 10 tasks"
}

# With sanitizers, frames are larger.
test_ps_shows_how_deep_each_stack_was()
{
    start stacks
    run ps $pid
    expect_code 0
    expect_line out ' deep .* sleep_after_dive +1[0-4][0-9]K/256K +[^ ]*subject\.c:[0-9]+$'
    expect_line out ' shallow .* leaf +[1-9][0-9]?K/512K +[^ ]*subject\.c:[0-9]+$'
}

test_ps_shows_no_depth_where_it_cannot_be_read()
{
    unshare -m true 2>err || skip "no file can be hidden here"
    start stacks
    : >empty
    unshare -m sh -c "mount --bind empty /proc/$pid/pagemap && exec $eddy ps $pid" >out 2>err
    code=$?
    expect_code 0
    expect_line out ' deep .* sleep_after_dive +- +[^ ]*subject\.c:[0-9]+$'
    expect_no_line out '[0-9]K/'
}

test_pstree_shows_each_task_once()
{
    start zoo
    run pstree $pid
    expect_code 0
    expect_line out '^locker: take_lock  \[waiting [0-9.]+ s: a lock held by .Task-1.\]$'
    expect_line out '^└── Task-1: zoo '
    expect_line out '^    ├── member: wait_for '
    expect_line out '^    │   └── shielded: leaf '
    expect_line out '^    └── watcher: await_the_other '
    expect_line out '^gatherer: both '
    expect_line out '^├── Task-[0-9]+: branch > leaf '
    expect_no_line out cycle
    [ "$(wc -l <out)" = 11 ] || fail "not 10 tasks"
}

test_a_hanging_callback_and_a_hanging_task_are_told_apart()
{
    start hang
    run pstree $pid
    expect_code 0
    expect_line out '^process .*, 2 tasks, busy'
    expect_no_line out running
    start hang_in_task
    run pstree $pid
    expect_code 0
    expect_line out '^Task-1: hang_in_task  \[running\]'
    expect_line out '^sleeper: leaf  \[waiting '
}

test_a_process_that_never_rests_can_be_read()
{
    start busy
    for _ in $(seq 100); do
        run ps $pid
        expect_code 0
        expect_line out ' Task-1 .* busy'
    done
}

test_long_chains_are_drawn()
{
    start chain
    run pstree $pid
    expect_code 0
    # the process, the task that waits, and a thousand
    [ "$(wc -l <out)" = 1002 ] || fail "$(wc -l <out) lines"
}

test_top_once()
{
    start zoo
    run top --once $pid
    expect_code 0
    expect_line out "^process $pid \(subject.*\), 10 tasks: 0 running, 0 ready, 0 new, 10 waiting$"
    expect_line out '^loop 1: .* turns/s, waits for events$'
    expect_line out '^LOOP +NAME +STATE '
    expect_line out ' receiver +waiting '
    ! grep -q "$(printf '\033')" out || fail "escape sequences in the output"
}

# On a terminal of its own; q ends it.
test_top_on_a_terminal()
{
    command -v script >/dev/null || skip "there is no script(1)"
    start zoo
    ( sleep 1; printf q; sleep 5 ) | timeout 20 script -qec "$eddy top -d 0.1 $pid" screen >out \
        2>err
    [ "${PIPESTATUS[1]}" = 0 ] || fail "it did not end with q"
    expect_line screen "process $pid "
    grep -q "$(printf '\033\\[H\033\\[J')" screen || fail "the picture does not begin at the top"
}

test_top_ends_with_the_process()
{
    start zoo
    "$eddy" top -d 0.05 $pid >out 2>err </dev/null &
    top=$!
    sleep 0.2
    kill -KILL $pid
    wait $pid 2>/dev/null
    wait $top
    code=$?
    expect_code 0
    expect_line out "^process $pid has ended"
}

test_info()
{
    run info
    expect_code 0
    expect_line out '^eddy +[0-9]+\.[0-9]+\.[0-9]+$'
    expect_line out '^kernel +Linux '
    expect_line out '^backend +(io_uring|epoll)'
    expect_line out '^stack guards +(MADV_GUARD_INSTALL|mprotect)'
    EDDY_BACKEND=epoll run info
    expect_line out '^backend +epoll \(not io_uring: EDDY_BACKEND=epoll\)'
}

test_info_tells_why_it_is_not_io_uring()
{
    "$build/tests/refuse-uring" EPERM "$eddy" info >out 2>err
    code=$?
    expect_code 0
    expect_line out '^io_uring +no: .+'
}

test_info_about_a_process()
{
    EDDY_BACKEND=epoll start zoo
    run info $pid
    expect_code 0
    expect_line out "^process $pid \(subject.*\): eddy [0-9.]+, 1 loop$"
    expect_line out "^loop 1: epoll \(EDDY_BACKEND=epoll\), thread [0-9]+, waits for events, $(
        echo '[0-9]+ turns, 10 tasks, [0-9]+ timers$')"
}

# No byte below 32 but the ends of lines, and no character that changes the direction or is not
# seen.
expect_printable()
{
    expect_code 0
    expect_line out 'x1b\[31mred.x1b\]0;title.x07'
    expect_line out 'abc.u202egnp\.exe.u2066.u200b.xff'
    ! LC_ALL=C grep -q "$(printf '[\001-\011\013-\037\177\377]')" out ||
        fail "control characters in the output"
    ! LC_ALL=C grep -q "$(printf '\342\200\256')" out || fail "a change of direction in the output"
}

test_names_do_nothing_to_the_terminal()
{
    start names
    for command in ps pstree 'top --once'; do
        # shellcheck disable=SC2086 # with its option
        run $command $pid
        expect_printable
    done
    cp "$subject" "$(printf 'x\033[31m')"
    start names "./$(printf 'x\033[31m')"
    run info $pid
    expect_line out '\(x.x1b\[31m\)'
}

test_names_do_nothing_to_the_terminal_in_a_dump()
{
    EDDY_DUMP_SIGNAL=USR1 start names
    kill -USR1 $pid
    for _ in $(seq 400); do
        grep -q "abc.*awaited by\|awaited by task 'abc" subject.err && break
        sleep 0.025
    done
    cp subject.err out
    code=0
    expect_printable
}

# Its group is not that of its starter.
test_a_program_with_more_rights_ignores_the_environment()
{
    [ "$(id -u)" = 0 ] || skip "only root can give a program another group"
    command -v setpriv >/dev/null || skip "there is no setpriv"
    folder=$(mktemp -d /tmp/eddy-rights.XXXXXX) || fail "no folder"
    cp "$eddy" "$folder/eddy" && chmod 755 "$folder" "$folder/eddy"
    EDDY_BACKEND=epoll setpriv --reuid=65534 --regid=65534 --clear-groups "$folder/eddy" \
        info >out 2>err
    code=$?
    [ $code = 0 ] || { rm -rf "$folder" && skip "that user may not run the command here"; }
    expect_line out 'EDDY_BACKEND=epoll'
    chgrp 65533 "$folder/eddy" && chmod 2755 "$folder/eddy"
    EDDY_BACKEND=epoll setpriv --reuid=65534 --regid=65534 --clear-groups "$folder/eddy" \
        info >out 2>err
    rm -rf "$folder"
    expect_no_line out 'EDDY_BACKEND=epoll'
}

test_what_cannot_be_looked_at_is_explained()
{
    run ps 999999999
    expect_code 1
    expect_line err '^eddy: process 999999999: there is no such process$'
    sleep 100 &
    echo $! >>"$work/pids"
    run ps $!
    expect_code 1
    expect_line err \
        '^eddy: process [0-9]+: it does not use eddy, neither in the program nor in a library$'
    run ps nonsense
    expect_code 1
    expect_line err "^eddy: 'nonsense' is no process number$"
}

test_a_process_of_another_user_is_explained()
{
    [ "$(id -u)" = 0 ] || skip "only root can start a process of another user"
    command -v setpriv >/dev/null || skip "there is no setpriv"
    start zoo
    setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all "$eddy" ps $pid >out 2>err
    code=$?
    [ $code != 126 ] || skip "that user may not run the command here"
    expect_code 1
    expect_line err "it belongs to user 0, so its memory may be read by that user and root only"
}

test_wrong_usage()
{
    run
    expect_code 2
    expect_line err 'which command'
    run sp 1
    expect_code 2
    expect_line err "no command 'sp'"
    run ps
    expect_code 2
    expect_line err 'Its number is missing'
    run top -d never 1
    expect_code 2
    run ps 1 2
    expect_code 2
    run --help
    expect_code 0
    expect_line out '^usage: eddy ps PID'
    run --version
    expect_code 0
    expect_line out '^eddy [0-9.]+$'
}

# gdb_run ARGUMENTS…: outputs in the files out and err.
gdb_run()
{
    command -v gdb >/dev/null || skip "there is no gdb"
    gdb -nx -q -batch -iex 'set debuginfod enabled off' -ex 'set pagination off' \
        -ex "source $gdb_script" "$@" \
        >out 2>err </dev/null
    code=$?
    ! grep -qi 'python scripting is not supported' err || skip "this gdb has no Python"
    ! grep -qiE 'ptrace: (operation not permitted|inappropriate)' err ||
        skip "processes may not be debugged here"
    expect_no_line err Traceback
}

expect_tasks_and_stacks()
{
    expect_code 0
    expect_line out ' receiver +waiting +recv on descriptor [0-9]+ +receive'
    expect_line out ' locker +waiting +a lock held by .Task-1. '
    expect_line out ' Task-[0-9]+ +waiting +sleep +branch > leaf +gatherer \(gather\)'
    expect_line out "^task 'receiver' \(0x[0-9a-f]+\), waiting: recv on descriptor"
    expect_line out '^#[0-9]+ .* eddy_sock_recv \(fd=[0-9]+'
    expect_line out '^#[0-9]+ .* receive_eddy_entry '
    expect_line out '^#[0-9]+ .* eddyi_fiber_start \(\)'
    expect_line out '^#[0-9]+ .* zoo_eddy_body \(\)'
}

test_gdb_lists_tasks_and_their_stacks()
{
    start zoo
    gdb_run -p $pid -ex 'eddy tasks' -ex 'eddy bt all' -ex detach
    expect_tasks_and_stacks
}

test_gdb_on_a_hanging_process()
{
    start hang_in_task
    gdb_run -p $pid -ex 'eddy tasks' -ex 'eddy bt Task-1' -ex 'eddy bt sleeper' -ex bt -ex detach
    expect_code 0
    expect_line out ' Task-1 +running '
    expect_line out '^#[0-9]+ .* compute_for_ever \(\)'
    expect_line out "^task 'sleeper' \(0x[0-9a-f]+\), waiting: sleep"
    expect_line out '^#[0-9]+ .* eddy_sleep \(delay='
}

test_gdb_goes_on_behind_a_generator()
{
    start generator
    gdb_run -p $pid -ex 'eddy bt Task-1' -ex detach
    expect_code 0
    expect_line out '^#[0-9]+ .* sleepy_values_eddy_'
    expect_line out '^#[0-9]+ .* iterate_eddy_'
}

test_gdb_selects_a_task()
{
    start zoo
    gdb_run -p $pid -ex 'eddy task receiver' -ex 'frame function eddy_sock_recv' -ex 'print size' \
        -ex 'eddy task' \
        -ex 'bt 1' -ex detach
    expect_code 0
    expect_line out '^\$1 = 1$'
    gdb_run -p $pid -ex 'eddy bt missing' -ex detach
    expect_line err "there is no task 'missing'"
}

# AddressSanitizer reserves terabytes. gdb would write them all, until the disk is full.
skip_with_sanitizer()
{
    ! grep -q -e __asan_init -e __tsan_init "$subject" ||
        skip "no core files of programs with a sanitizer"
}

test_gdb_on_a_core_file_of_its_own()
{
    skip_with_sanitizer
    ulimit -f $((512 * 1024)) # in KiB; whatever happens, the disk shall not be filled
    start zoo
    gdb_run -p $pid -ex 'eddy core core' -ex detach
    [ -s core ] || fail "no core file"
    kill -KILL $pid
    gdb_run "$subject" core -ex 'eddy tasks' -ex 'eddy bt all'
    expect_tasks_and_stacks
}

test_gdb_on_a_core_file_of_the_kernel()
{
    skip_with_sanitizer
    [ "$(cat /proc/sys/kernel/core_pattern)" = core ] || skip "core files go elsewhere here"
    ulimit -c $((512 * 1024)) || skip "no core files are allowed"
    start zoo
    kill -ABRT $pid
    wait $pid 2>/dev/null
    core=$(find . -name 'core*' -size +0)
    [ -n "$core" ] || skip "the kernel wrote no core file"
    gdb_run "$subject" "$core" -ex 'eddy tasks' -ex 'eddy bt all'
    expect_tasks_and_stacks
}

test_gdb_with_the_shared_library()
{
    start zoo "$subject_shared"
    gdb_run -p $pid -ex 'eddy tasks' -ex 'eddy bt all' -ex detach
    expect_tasks_and_stacks
}

test_gdb_on_a_program_without_eddy()
{
    sleep 100 &
    echo $! >>"$work/pids"
    gdb_run -p $! -ex 'eddy tasks' -ex detach
    expect_line err 'this program does not use eddy'
}

test_the_dump_signal_dumps_to_standard_error()
{
    EDDY_DUMP_SIGNAL=USR1 start zoo
    kill -USR1 $pid
    for _ in $(seq 400); do
        grep -q "task 'Task-11'" subject.err && break
        sleep 0.025
    done
    cp subject.err err
    : >out
    expect_line err '^loop 1 \(.*\): 10 tasks$'
    expect_line err "^task 'locker': waiting [0-9.]+ s: a lock held by task 'Task-1'$"
    expect_line err '^    in branch > leaf$'
    expect_line err '^    #[0-9]+ +zoo_eddy_body\+0x'
}
