"""python3 -m eddyloop: runs a program on eddy's loop."""

from eddyloop._program import main

main()
