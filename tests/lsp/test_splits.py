"""Splits through the server: what is open counts, places are in the client's units, and nothing is left behind."""

from __future__ import annotations

import os
import time
from pathlib import Path

import psutil

from tests.lsp.editor import Editor, MakeEditor
from tests.lsp.rawclient import LIMIT


def _place(text: str, word: str) -> dict[str, int]:
    """Of a word, in UTF-16 units."""
    at = text.index(word)
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return {"line": text.count("\n", 0, at), "character": len(line.encode("utf-16-le")) // 2}


_SHOWN = """s = 'saved'

def first():
    return '\U0001f600'; x = 1

class Cart:
    def add(self): return '\U0001f600'
    def drop(self): pass
"""


def test_functions_of_unsaved_text_with_places_in_the_clients_units(connect: MakeEditor, checkout: Path) -> None:
    editor = connect()
    uri = editor.did_open("src/one.py", "x = 1\n")
    editor.did_change(uri, _SHOWN)
    chosen = {"uri": uri, "range": {"start": _place(_SHOWN, "; x"), "end": _place(_SHOWN, "class")}}
    found = editor.client.command("fanout.preview", {"selection": chosen})
    assert found["splits"] == [
        {"kind": "symbol", "count": 1, "label": "1 function"},
        {"kind": "line", "count": 1, "label": "1 line"},
    ]
    (unit,) = found["units"]
    assert (unit["id"], unit["title"]) == ("01-one-first", "src/one.py#first")
    # The emoji is two units in utf-16.
    assert unit["targets"] == [
        {"uri": uri, "range": {"start": _place(_SHOWN, "def first"), "end": {"line": 3, "character": 22}}}
    ]
    whole = editor.client.command("fanout.preview", {"selection": {"uri": uri}, "options": {"split": "symbol"}})
    assert [one["title"] for one in whole["units"]] == ["src/one.py#first", "src/one.py#Cart"]
    assert [one["label"] for one in whole["splits"]] == ["1 file", "2 functions or classes"]


def test_an_item_of_a_plan_document_names_a_function_that_is_not_saved(connect: MakeEditor, checkout: Path) -> None:
    editor = connect()
    uri = editor.did_open("src/one.py", "x = 1\n")
    editor.did_change(uri, _SHOWN)
    plan = editor.did_open("x.fanout.md", "Test {symbol} of {file}\n\n- src/one.py#drop\n- src/one.py#gone\n")
    found = editor.client.command("fanout.preview", {"plan": plan})
    assert [one["title"] for one in found["units"]] == ["src/one.py#Cart.drop", "src/one.py#gone"]
    assert [one["code"] for one in found["warnings"]] == ["preflight/no-symbol", "preflight/shared-file"]


def _parsers(editor: Editor) -> list[psutil.Process]:
    server = psutil.Process(editor.client.process.pid)
    return [one for one in server.children(recursive=True) if any("worker_program" in word for word in one.cmdline())]


def test_a_large_file_is_parsed_beside_the_server_and_leaves_nothing(connect: MakeEditor, checkout: Path) -> None:
    editor = connect()
    text = "".join(f"def f{n}(a, b):\n    return a + b * {n}\n\n\n" for n in range(2500))
    (checkout / "src/large.py").write_text(text)
    chosen = {"uri": (checkout / "src/large.py").as_uri()}
    found = editor.client.command("fanout.preview", {"selection": chosen, "options": {"split": "symbol"}})
    assert len(found["units"]) == 2500
    assert found["splits"][1]["label"] == "2500 functions"
    (parser,) = _parsers(editor)
    os.kill(editor.client.process.pid, 9)
    deadline = time.monotonic() + LIMIT
    while parser.is_running() and parser.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        os.sched_yield()
