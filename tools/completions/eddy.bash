# Completion for eddy in bash: commands, and the processes that they can look at.

_eddy_processes()
{
    local process

    for process in /proc/[0-9]*; do
        [[ ! -O $process ]] || echo "${process#/proc/}"
    done
}

_eddy()
{
    local word=${COMP_WORDS[COMP_CWORD]} command=

    COMPREPLY=()
    ((COMP_CWORD < 2)) || command=${COMP_WORDS[1]}
    case ${COMP_WORDS[COMP_CWORD - 1]} in
    -d | --delay)
        return
        ;;
    esac
    case $command:$word in
    top:-*)
        mapfile -t COMPREPLY < <(compgen -W "--once --delay" -- "$word")
        ;;
    :-*)
        mapfile -t COMPREPLY < <(compgen -W "--help --version" -- "$word")
        ;;
    :*)
        mapfile -t COMPREPLY < <(compgen -W "ps pstree top info" -- "$word")
        ;;
    *)
        mapfile -t COMPREPLY < <(compgen -W "$(_eddy_processes)" -- "$word")
        ;;
    esac
}

complete -F _eddy eddy
