"""The demo's plan document: drop what Tornado kept for Python 2, one unit a file.

Two of its units are wrong on purpose. Two items name overlapping ranges of one test file, so both rewrite line 388 and
one of them line 389 as well: a collision, which git calls a conflict and a merge of syntax solves. One item lies
outside what a unit owns: a write out of scope.
"""

from __future__ import annotations

import json
import sys

PLAN_NAME = "migration.fanout.md"
JOBS = 4
FEWEST_FILES = 20

COLLISION = "tornado/test/auth_test.py"
OUTSIDE = "demos/websocket/chatdemo.py"

_FILES = (
    "tornado/curl_httpclient.py",
    "tornado/gen.py",
    "tornado/httpclient.py",
    "tornado/httputil.py",
    "tornado/iostream.py",
    "tornado/locale.py",
    "tornado/locks.py",
    "tornado/netutil.py",
    "tornado/platform/asyncio.py",
    "tornado/platform/caresresolver.py",
    "tornado/platform/twisted.py",
    "tornado/routing.py",
    "tornado/simple_httpclient.py",
    "tornado/tcpclient.py",
    "tornado/tcpserver.py",
    "tornado/template.py",
    "tornado/testing.py",
    "tornado/web.py",
    "tornado/websocket.py",
    "tornado/test/concurrent_test.py",
    "tornado/test/gen_test.py",
    "tornado/test/httpserver_test.py",
    "tornado/test/ioloop_test.py",
    "tornado/test/iostream_test.py",
    "tornado/test/locks_test.py",
    "tornado/test/netutil_test.py",
    "tornado/test/routing_test.py",
    "tornado/test/template_test.py",
    "tornado/test/web_test.py",
    "tornado/test/websocket_test.py",
)
ITEMS = (*_FILES, f"{COLLISION}:380-388", f"{COLLISION}:388-392", OUTSIDE)

_RULES = """\
rewrite:
  - {pattern: "super($CLASS, self)", to: "super()"}
  - {pattern: "self.assertTrue($ITEM in $ALL)", to: "self.assertIn($ITEM, $ALL)"}
  - {pattern: "self.assertTrue(isinstance($IT, $TYPE))", to: "self.assertIsInstance($IT, $TYPE)"}
  - {pattern: "socket.error", to: "OSError"}
  - {pattern: "IOError", to: "OSError"}
"""

_INSTRUCTION = """\
{file} still carries what it needed for Python 2. Rewrite it for Python 3 alone, and change nothing else in it:
`super(SomeClass, self)` becomes `super()`, `self.assertTrue(a in b)` becomes `self.assertIn(a, b)`,
`self.assertTrue(isinstance(a, B))` becomes `self.assertIsInstance(a, B)`, and `socket.error` and `IOError` become
`OSError`. Edit the file in place. Do not run anything.
"""


# Any Python will do; the one that runs this is there for sure.
_VERIFY = (sys.executable, "-I", "-c", "import ast, sys; ast.parse(open(sys.argv[1], 'rb').read())", "{file}")


def plan_text(agent: str) -> str:
    """The plan document for this agent. ``rewrite`` gets the rules, any other agent the words."""
    lines = [
        "---",
        f"agent: {agent}",
        f"jobs: {JOBS}",
        'owns: ["tornado/**/{name}"]    # a unit may write its own file, in the package',
        f"verify: {json.dumps(_VERIFY)}",
        *(_RULES.splitlines() if agent == "rewrite" else ()),
        "---",
        _INSTRUCTION,
        *(f"- {item}" for item in ITEMS),
    ]
    return "\n".join(lines) + "\n"
