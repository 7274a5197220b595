"""Agents that speak the Agent Client Protocol: one program and one session for each unit.

The package ``agent-client-protocol`` makes and checks what we say (``messages.py``, imported late: it takes half a
second). The conversation itself is ours (``rpc.py``), and what an agent says is read as any program's output is: the
package's connection would run tasks of its own, keep what it cannot place, and drop what a newer agent may well say.
"""
