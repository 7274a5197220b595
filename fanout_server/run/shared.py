"""What all runs of a process have in common: the services behind the agents, and what checks came to."""

from __future__ import annotations

from attrs import field, frozen

from fanout_server.run.health import Probes
from fanout_server.run.rate import Limiter, Limiters
from fanout_server.run.verdicts import Verdicts


@frozen(eq=False)
class Shared:
    limiters: Limiters = field(factory=Limiters)
    probes: Probes = field(factory=Probes)
    verdicts: Verdicts = field(factory=Verdicts)

    @classmethod
    def pausing(cls, first_pause: float) -> Shared:
        """``first_pause``: seconds after a refusal that names no time."""
        return cls(Limiters(lambda: Limiter(first_pause=first_pause)))
