"""Findings in the editor: pushed, merged for each file over the runs that have something to say about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lsprotocol import types

from fanout_server.lsp.protocol import Protocol


class Diagnostics:
    """What is published. An owner is a run, or a plan document that cannot be run."""

    def __init__(self, protocol: Protocol) -> None:
        self._protocol = protocol
        self._by_owner: dict[str, dict[str, list[types.Diagnostic]]] = {}

    def put(self, owner: str, found: Mapping[str, Sequence[types.Diagnostic]]) -> None:
        """All that ``owner`` has to say; what it said before and says no more goes away."""
        before = self._by_owner.pop(owner, {})
        after = {uri: list(one) for uri, one in found.items() if one}
        if after:
            self._by_owner[owner] = after
        for uri in dict.fromkeys((*before, *after)):
            if before.get(uri) != after.get(uri):
                self._publish(uri)

    def clear(self, owner: str) -> None:
        self.put(owner, {})

    def owners(self) -> tuple[str, ...]:
        return tuple(self._by_owner)

    def _publish(self, uri: str) -> None:
        every = [one for found in self._by_owner.values() for one in found.get(uri, ())]
        params = types.PublishDiagnosticsParams(uri=uri, diagnostics=every)
        self._protocol.notify(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS, params)
