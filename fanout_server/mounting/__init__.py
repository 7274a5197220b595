"""Mounts in a namespace of one's own: what needs no git and no agent, so both ``repo/`` and ``agents/`` stand on it."""
