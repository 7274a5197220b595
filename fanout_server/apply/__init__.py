"""The change set meets what the user has now: file edits, conflicts kept as findings, and the writing of files."""
