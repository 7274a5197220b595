"""All that touches git. Every function here blocks and may be called from any thread.

Nothing of the user's is written: objects, ``refs/fanout/*``, worktree entries and our own state folder are all we make.
"""
