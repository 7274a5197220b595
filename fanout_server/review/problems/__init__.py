"""What checkers print, read: each problem at its place. One module for each kind of output."""
