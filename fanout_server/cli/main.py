"""What the ``fanout`` program runs. Exit status:

0: all units done and delivered; 1: some unit failed, or a conflict was left; 2: wrong use; 130: interrupted.
"""

from __future__ import annotations

from collections.abc import Sequence

from fanout_server.cli import parser


def main(argv: Sequence[str] | None = None) -> int:
    arguments = parser.build().parse_args(argv)
    # Imported late: neither the server nor the terminal's commands wait for what only the other needs.
    if arguments.command == "serve":
        from fanout_server.lsp.server import serve_stdio  # noqa: PLC0415

        return serve_stdio()
    from fanout_server.cli.dispatch import dispatch  # noqa: PLC0415

    return dispatch(arguments)
