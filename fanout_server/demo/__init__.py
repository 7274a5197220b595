"""``fanout demo``: a real migration of a real project, done as a person would do it, then checked."""

from fanout_server.demo.play import command

__all__ = ["command"]
