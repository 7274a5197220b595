"""All that answers for plan documents, put together when the first one is opened: a start need not wait for it."""

from __future__ import annotations

from fanout_server.lsp.plan_actions import PlanOffers
from fanout_server.lsp.plan_completion import PlanCompletion
from fanout_server.lsp.plan_fixes import PlanFixes
from fanout_server.lsp.plan_format import PlanFormat
from fanout_server.lsp.plan_hints import PlanHints
from fanout_server.lsp.plan_hover import PlanHover
from fanout_server.lsp.plan_structure import PlanStructure
from fanout_server.lsp.plan_tokens import PlanTokens
from fanout_server.lsp.plan_watch import PlanWatch
from fanout_server.lsp.session import Session
from fanout_server.lsp.watching import Watching


class PlanRoom:
    """Of one session."""

    def __init__(self, session: Session, watching: Watching) -> None:
        self.watch = PlanWatch(session, watching)
        self.hover = PlanHover(session, self.watch)
        self.completion = PlanCompletion(session, self.watch)
        self.offers = PlanOffers(session, self.watch)
        self.fixes = PlanFixes(session, self.watch)
        self.hints = PlanHints(self.watch)
        self.structure = PlanStructure(session, self.watch)
        self.format = PlanFormat(self.watch)
        self.tokens = PlanTokens(self.watch)
