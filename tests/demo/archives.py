"""Source archives for the demo's tests, made here: no network."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

from fanout_server.demo import migration, sample, troubles

_MODULE = """\
class Base(object):
    def __init__(self):
        self.made = True


class Child(Base):
    def __init__(self):
        super(Child, self).__init__()
"""
_LOCALE = "class Locale(object):\n    pass\n\n\n" + _MODULE
_FIRST_ASSERT = 388
_FIRST_ESCAPE = 54
_GROUPS = "\n\ndef second(match):\n    return match.group(2)\n"
_ESCAPE = """\
    return _XHTML_ESCAPE_RE.sub(
        lambda match: _XHTML_ESCAPE_DICT[match.group(0)], to_basestring(value)
    )
"""


def write_archive(path: Path, files: Mapping[str, bytes], modes: Mapping[str, int] | None = None) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            member.mode = (modes or {}).get(name, 0o644)
            archive.addfile(member, io.BytesIO(data))
    return path


def tornado(path: Path) -> Path:
    """What the demo needs of Tornado, and no more: each file that it names, with something to migrate."""
    files = {item.partition(":")[0]: _MODULE for item in migration.ITEMS}
    files[sample.EDITED] = _LOCALE
    asserts = ["        self.assertTrue('a' in parsed)", "        self.assertTrue('b' in parsed)", ""]
    head = ["class Test(object):", "    def test(self):", "        parsed = 'ab'"]
    filler = [f"        value_{line} = {line}" for line in range(len(head) + 1, _FIRST_ASSERT)]
    for item in troubles.ITEMS:
        name = item.partition(":")[0]
        files[name] = files.get(name, _MODULE) + _GROUPS
    files["tornado/util.py"] = "bytes_type = bytes\n"
    files["tornado/log.py"] = 'import logging\n\ngen_log = logging.getLogger("tornado.general")\n'
    files[troubles.CULPRIT] = 'LOCALE_NAMES = {"de": {"name": "Deutsch"}}\n'
    files[sample.EDITED] += "\n\nfrom tornado._locale_data import LOCALE_NAMES\n"
    before = "import html.entities\n\n\ndef xhtml_escape(value):\n"
    filled = before + "    # What Tornado says of it.\n" * (_FIRST_ESCAPE - 1 - before.count("\n"))
    files[troubles.CONFLICT] = filled + _ESCAPE
    files[migration.COLLISION] = "\n".join([*head, *filler, *asserts])
    return write_archive(path, {f"tornado-6.0.4/{name}": text.encode() for name, text in files.items()})
