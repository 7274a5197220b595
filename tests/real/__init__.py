"""The real programs of agents, run by the real ``fanout``, in a network where only the stand-in answers.

``make test-agents`` installs the programs and runs this. No key is needed, and nothing can get out.
"""
