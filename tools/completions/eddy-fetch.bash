# Completion for eddy-fetch in bash.

_eddy_fetch()
{
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}

    COMPREPLY=()
    case $before in
    -i | --input | -o | --output | --cacert)
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        return
        ;;
    -P | --output-dir)
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -d -- "$word")
        return
        ;;
    -X | --request)
        mapfile -t COMPREPLY < <(compgen -W "GET HEAD POST PUT PATCH DELETE OPTIONS" -- "$word")
        return
        ;;
    -H | --header)
        mapfile -t COMPREPLY < <(compgen -W "Accept: Authorization: Content-Type: Cookie: \
            If-Modified-Since: If-None-Match: Referer:" -- "$word")
        return
        ;;
    -C | --continue-at)
        COMPREPLY=(-)
        return
        ;;
    -j | --parallel | --per-host | --limit-rate | -t | --timeout | --connect-timeout | -r | \
        --retry | -d | --data | -A | --user-agent | -u | --user | --max-redirects)
        return
        ;;
    esac
    if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "--cacert --connect-timeout --continue --continue-at
            --data --head --header --help --input --insecure --json --limit-rate --max-redirects
            --ndjson --output --output-dir --parallel --per-host --quiet --remote-name --request
            --retry --timeout --user --user-agent --version" -- "$word")
    else
        mapfile -t COMPREPLY < <(compgen -W "http:// https://" -- "$word")
    fi
}

complete -o nospace -F _eddy_fetch eddy-fetch
