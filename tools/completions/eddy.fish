# Completion for eddy in fish.

complete -c eddy -f
complete -c eddy -n __fish_use_subcommand -a ps -d 'List the tasks of a process'
complete -c eddy -n __fish_use_subcommand -a pstree -d 'Show them as a tree'
complete -c eddy -n __fish_use_subcommand -a top -d 'Show them again and again'
complete -c eddy -n __fish_use_subcommand -a info -d 'Say what eddy is and can do here'
complete -c eddy -n __fish_use_subcommand -s h -l help -d 'Print a summary'
complete -c eddy -n __fish_use_subcommand -s V -l version -d 'Print the version'
complete -c eddy -n '__fish_seen_subcommand_from ps pstree top info' -a '(__fish_complete_pids)'
complete -c eddy -n '__fish_seen_subcommand_from top' -l once -d 'One picture'
complete -c eddy -n '__fish_seen_subcommand_from top' -s d -l delay -x -d 'Seconds between two'
