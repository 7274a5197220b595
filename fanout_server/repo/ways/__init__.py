"""The ways to make a worktree, the fastest first. ``source.py`` chooses; nobody else knows which it is."""
