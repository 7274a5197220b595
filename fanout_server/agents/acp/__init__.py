"""Agents that speak the Agent Client Protocol: one program and one session for each unit.

The conversation is ours (``rpc.py``, ``messages.py``), not that of the protocol's package for Python: that would add 12
MB and half a second, run tasks of its own, keep without a bound what it cannot place, and refuse what a newer agent may
well say. Its agent side plays the agents of the tests, and its models are what our messages are held against there.
"""
