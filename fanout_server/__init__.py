"""fanout: one job over many coding agents, one reviewed diff back. See docs/architecture.md for the way in."""

__version__ = "0.1.0"
