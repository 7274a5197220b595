"""Makes a small repository to try the plugin in, where there is none yet: a shop in Python, without tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_FILES = {
    "shop/cart.py": '''"""What somebody is about to buy."""


class Cart:
    def __init__(self):
        super(Cart, self).__init__()
        self.lines = []

    def add(self, name, price, count=1):
        self.lines.append((name, price, count))

    def total(self):
        return sum(price * count for _, price, count in self.lines)
''',
    "shop/stock.py": '''"""What is on the shelves."""


class Stock(dict):
    def __init__(self, *given):
        super(Stock, self).__init__(*given)

    def take(self, name, count):
        if self.get(name, 0) < count:
            raise ValueError(name)
        self[name] -= count
''',
    "shop/money.py": '''"""Amounts, in cents."""


class Amount(int):
    def __str__(self):
        return "%d.%02d" % divmod(self, 100)

    def __repr__(self):
        return "Amount(%s)" % super(Amount, self).__str__()
''',
    "modern.fanout.md": """---
# No key and no network: rules that ship with fanout. Try claude or codex instead, where you have one.
agent: rewrite
rewrite:
  - {pattern: "super($CLASS, self)", to: "super()"}
---
Write {file} as it is written today.

- shop/*.py
""",
    "README.md": """# A shop, to try fanout in

- `:edit modern.fanout.md`, then `:FanoutRun`, `:FanoutRuns` and, once it is ready, `:FanoutApply`.
- Or select the list below and type `:Fanout`; a real agent has to be installed for that (`:checkhealth fanout`).

Tests are missing for:

- shop/cart.py
- shop/stock.py
- shop/money.py
""",
}
_GIT = ("git", "-c", "user.name=Sample", "-c", "user.email=sample@example.invalid")


def main() -> int:
    folder = Path(sys.argv[1])
    if (folder / ".git").exists():
        return 0
    for name, text in _FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for words in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "A shop")):
        subprocess.run([*_GIT, *words], cwd=folder, check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
