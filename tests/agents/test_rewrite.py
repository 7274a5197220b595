"""The agent ``rewrite`` as it is run: its program, on files."""

from __future__ import annotations

import io
import json
import os
import stat
from pathlib import Path

import anyio
import pytest

from fanout_server.agents import languages, rewrite_program
from fanout_server.agents.base import AgentUnavailable, Task, Verdict, write_prompt
from fanout_server.agents.process import Ended, Program
from fanout_server.agents.rewrite import Rewrite
from fanout_server.model import FanoutError, Options, Position, Range, RewriteRule, Target, Unit
from tests.agents.running import Bench

RULE = RewriteRule("foo($A)", "bar($A)")


class Worktree:
    """Files under ``tree``; runs the agent there and tells its verdict."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.root = bench.folder / "tree"
        self.root.mkdir()

    def put(self, path: str, content: bytes) -> Path:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        return place

    def contents(self) -> dict[str, bytes]:
        return {str(path.relative_to(self.root)): path.read_bytes() for path in self.root.rglob("*") if path.is_file()}

    def run(self, *targets: str | Target, rules: tuple[RewriteRule, ...] = (RULE,)) -> Verdict:
        self.ended = anyio.run(self._run, targets, rules)
        return _verdict(self.ended)

    async def _run(self, targets: tuple[str | Target, ...], rules: tuple[RewriteRule, ...]) -> Ended:
        unit = Unit("u", "unit", "", tuple(Target(one) if isinstance(one, str) else one for one in targets))
        options = Options(rewrite=rules)
        Rewrite().check(options)
        task = Task(unit, options, self.root, "", write_prompt(self.bench.folder, ""))
        made = Rewrite().program(task)
        return await self.bench.run(Program(made.argv, self.root, os.environ, made.stdin, self.bench.mark))

    @property
    def said(self) -> list[str]:
        return os.fsdecode(self.ended.tail).splitlines()


@pytest.fixture
def tree(bench: Bench) -> Worktree:
    return Worktree(bench)


def _verdict(ended: Ended) -> Verdict:
    task = Task(Unit("u", "unit", ""), Options(), Path("/"), "", Path("/prompt.md"))
    return Rewrite().reader(task).verdict(ended)


def test_files_are_rewritten_and_told(tree: Worktree) -> None:
    tree.put("a.py", b"foo(foo(1))\n")
    tree.put("b c.ts", b"foo(1);\n")
    tree.put("c.py", b"foo(1)\n")
    verdict = tree.run("a.py", "b c.ts")
    assert verdict == Verdict(None, "2 files changed")
    assert tree.said == ["a.py: 2 replacements", "b c.ts: 1 replacement", "2 files changed"]
    assert tree.contents() == {"a.py": b"bar(bar(1))\n", "b c.ts": b"bar(1);\n", "c.py": b"foo(1)\n"}


def test_nothing_to_do_is_no_failure(tree: Worktree) -> None:
    place = tree.put("a.py", b"x = 1\n")
    before = place.stat()
    assert tree.run("a.py") == Verdict(None, "nothing to change: no match")
    assert tree.said[0] == "a.py: no match"
    assert (place.stat().st_ino, place.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize(
    "content",
    [
        b"foo(1)\r\nx = 1\r\nfoo(2)",
        b"\xef\xbb\xbffoo('\xf0\x9f\x98\x80')\n",
        b"# caf\xe9\nfoo('\xff\xfe')\n",
        b"\xef\xbb\xbf# caf\xe9\nfoo(1)\n",
        b"'\xf0\x9f\x98\x80'; foo('\xf0\x9d\x94\x98\xf0\x9f\x98\x80'); '\xe2\x80\xa8'; foo(2)\n\n\n",
        b"x\rfoo(1)\x0c\nfoo(2)",
    ],
    ids=["crlf", "bom", "latin-1", "bom-latin-1", "astral", "odd-lines"],
)
def test_all_other_bytes_stay(tree: Worktree, content: bytes) -> None:
    tree.put("a.py", content)
    assert tree.run("a.py").ok
    assert tree.contents() == {"a.py": content.replace(b"foo", b"bar")}


def test_what_latin_1_cannot_hold_is_told(tree: Worktree) -> None:
    tree.put("a.py", b"# caf\xe9\nfoo(1)\n")
    verdict = tree.run("a.py", rules=(RewriteRule("foo($A)", "'→'"),))
    assert not verdict.ok
    assert "'→'" in verdict.message
    assert tree.contents() == {"a.py": b"# caf\xe9\nfoo(1)\n"}


def test_text_with_nul_bytes_is_left_alone(tree: Worktree) -> None:
    tree.put("a.py", b"foo(1)\0")
    assert tree.run("a.py").ok
    assert tree.said[0] == "a.py: not text, left alone"
    assert tree.contents() == {"a.py": b"foo(1)\0"}


def at(path: str, start: tuple[int, int], end: tuple[int, int]) -> Target:
    return Target(path, Range(Position(*start), Position(*end)))


def test_ranges_limit_the_rules_one_after_the_other(tree: Worktree) -> None:
    tree.put("a.py", b"\xef\xbb\xbffoo(1)\r\n'\xf0\x9f\x98\x80'; foo(2); foo(3)\r\nfoo(4)\r\nfoo(5)\r\n")
    rules = (RULE, RewriteRule("bar($A)", "much_longer($A)"), RewriteRule("much_longer($A)", "x($A)"))
    assert tree.run(at("a.py", (1, 5), (1, 11)), at("a.py", (2, 0), (3, 0)), rules=rules).ok
    assert tree.contents() == {"a.py": b"\xef\xbb\xbffoo(1)\r\n'\xf0\x9f\x98\x80'; x(2); foo(3)\r\nx(4)\r\nfoo(5)\r\n"}


def test_positions_do_not_count_a_byte_order_mark(tree: Worktree) -> None:
    tree.put("a.py", b"\xef\xbb\xbffoo(1); foo(2)\n")
    assert tree.run(at("a.py", (0, 0), (0, 6))).ok
    assert tree.contents() == {"a.py": b"\xef\xbb\xbfbar(1); foo(2)\n"}


def test_a_whole_file_and_a_part_of_it_is_the_whole(tree: Worktree) -> None:
    tree.put("a.py", b"foo(1)\nfoo(2)\n")
    assert tree.run(at("a.py", (0, 0), (1, 0)), "a.py").ok
    assert tree.contents() == {"a.py": b"bar(1)\nbar(2)\n"}


def test_a_folder_is_its_source_files(tree: Worktree) -> None:
    sources = ["src/a.py", "src/deep/b.ts", "src/deep/c.pyi"]
    others = ["src/d.txt", "src/.git/e.py", "src/node_modules/f.js", "g.py"]
    for path in sources + others:
        tree.put(path, b"foo(1)\n")
    outside = tree.bench.folder / "outside.py"
    outside.write_bytes(b"foo(1)\n")
    (tree.root / "src" / "link.py").symlink_to(outside)
    (tree.root / "src" / "up").symlink_to(tree.bench.folder)
    os.mkfifo(tree.root / "src" / "pipe.py")
    assert tree.run("src").message == "3 files changed"
    assert outside.read_bytes() == b"foo(1)\n"
    assert {path: tree.contents()[path] for path in sources} == dict.fromkeys(sources, b"bar(1)\n")
    assert {path: tree.contents()[path] for path in others} == dict.fromkeys(others, b"foo(1)\n")


def test_a_rule_for_one_language_leaves_the_others(tree: Worktree) -> None:
    tree.put("a.py", b"foo(1)\n")
    tree.put("b.ts", b"foo(1)\n")
    tree.put("c.unknown", b"foo(1)\n")
    assert tree.run("a.py", "b.ts", "c.unknown", rules=(RewriteRule("foo($A)", "bar($A)", "py"),)).ok
    assert tree.contents() == {"a.py": b"bar(1)\n", "b.ts": b"foo(1)\n", "c.unknown": b"bar(1)\n"}
    assert tree.said[1] == "b.ts: no rule for its language"


def test_a_header_may_be_cpp(tree: Worktree) -> None:
    tree.put("a.h", b"auto x = new Foo(1);\n")
    assert tree.run("a.h", rules=(RewriteRule("new Foo($A)", "make<Foo>($A)", "cpp"),)).ok
    assert tree.contents() == {"a.h": b"auto x = make<Foo>(1);\n"}


def test_links_and_modes_stay(tree: Worktree) -> None:
    place = tree.put("bin/tool.py", b"foo(1)\n")
    place.chmod(0o750)
    (tree.root / "link.py").symlink_to("bin/tool.py")
    hard = tree.bench.folder / "hard.py"
    hard.hardlink_to(place)
    assert tree.run("link.py", "bin/tool.py").message == "1 file changed"
    assert (tree.root / "link.py").is_symlink()
    assert (place.read_bytes(), stat.S_IMODE(place.stat().st_mode)) == (b"bar(1)\n", 0o750)
    assert hard.read_bytes() == b"foo(1)\n", "another name of the file may belong to the user's checkout"
    assert sorted(path.name for path in place.parent.iterdir()) == ["tool.py"]


def test_file_names_of_any_kind(tree: Worktree) -> None:
    names = ['it\'s "so".py', "new\nline.py", os.fsdecode(b"caf\xe9.py"), "-n.py", "ünï😀.py", "$A {b}.py"]
    for name in names:
        tree.put(name, b"foo(1)\n")
    assert tree.run(*names).ok
    assert tree.contents() == dict.fromkeys(names, b"bar(1)\n")
    assert "new\\nline.py: 1 replacement" in tree.said
    assert b"caf\xe9.py: 1 replacement\n" in tree.ended.tail


@pytest.mark.parametrize(
    ("targets", "rules", "said"),
    [
        (("gone.py",), (RULE,), "gone.py does not exist"),
        (("../outside.py",), (RULE,), "outside the folder"),
        (("/etc/hosts",), (RULE,), "outside the folder"),
        (("link.py",), (RULE,), "outside the folder"),
        ((".git/hook.py",), (RULE,), "belongs to git"),
        (("ring.py",), (RULE,), "does not exist"),
        (("a.unknown",), (RULE,), "name the `language`"),
        (("a.py",), (RewriteRule("foo(", "x"),), "cannot be read as python"),
        (("a.py",), (RewriteRule("a = 1; b = 2", "x"),), "Multiple AST nodes"),
        (("a.py",), (RewriteRule("foo($A)", "$B"),), "captures $A"),
    ],
)
def test_what_cannot_be_done_is_told_and_nothing_is_written(
    tree: Worktree, targets: tuple[str, ...], rules: tuple[RewriteRule, ...], said: str
) -> None:
    for path in ("a.py", "good.py", ".git/hook.py", "a.unknown"):
        tree.put(path, b"foo(1)\n")
    (tree.bench.folder / "outside.py").write_bytes(b"foo(1)\n")
    (tree.root / "link.py").symlink_to(tree.bench.folder / "outside.py")
    (tree.root / "ring.py").symlink_to("ring.py")
    before = tree.contents()
    verdict = tree.run("good.py", *targets, rules=rules)
    assert (verdict.ok, verdict.retryable, tree.ended.exit) == (False, False, 2)
    assert said in verdict.message
    assert "Traceback" not in os.fsdecode(tree.ended.tail)
    assert tree.contents() == before


def test_a_file_that_cannot_be_read_is_told(tree: Worktree) -> None:
    tree.put("a.py", b"foo(1)\n")
    os.mkfifo(tree.root / "pipe.py")
    verdict = tree.run("pipe.py")
    assert (verdict.ok, "no file and no folder" in verdict.message) == (False, True)


def test_a_result_that_cannot_be_parsed_is_noted(tree: Worktree) -> None:
    tree.put("a.py", b"foo(1)\n")
    assert tree.run("a.py", rules=(RewriteRule("foo($A)", "bar($A"),)).ok
    assert "cannot be parsed" in tree.said[0]


def test_a_panic_of_ast_grep_is_told(
    tree: Worktree, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """As an ast-grep of another version has it, that lacks one of our languages."""
    tree.put("a.py", b"foo(1)\n")
    monkeypatch.setitem(languages._ENDINGS, "klingon", "tlh")
    spec = {"rules": [{"pattern": "a", "to": "b", "language": "klingon"}], "targets": [{"path": "a.tlh"}]}
    tree.put("a.tlh", b"a")
    monkeypatch.chdir(tree.root)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(json.dumps(spec).encode())))
    assert rewrite_program.main() == 2
    assert b"rewrite: ast-grep failed" in capfdbinary.readouterr().out


def test_code_in_the_worktree_is_not_run(tree: Worktree) -> None:
    for name in ("ast_grep_py", "json", "fanout_server", "sitecustomize"):
        tree.put(f"{name}.py", b"raise SystemExit(66)\n")
    tree.put("a.py", b"foo(1)\n")
    assert tree.run("a.py").ok


@pytest.mark.parametrize(
    ("rules", "said"),
    [((), "no rules"), ((RewriteRule(" ", "x"),), "empty pattern"), ((RewriteRule("a", "b", "klingon"),), "'klingon'")],
)
def test_rules_are_checked_before_the_run(rules: tuple[RewriteRule, ...], said: str) -> None:
    with pytest.raises(AgentUnavailable, match=said):
        Rewrite().check(Options(rewrite=rules))


@pytest.mark.parametrize(
    ("targets", "said"), [((), "names no file"), ((Target("a.py", symbol="f"),), "where 'f' lies")]
)
def test_units_that_are_not_for_it(tmp_path: Path, targets: tuple[Target, ...], said: str) -> None:
    unit = Unit("u", "unit", "", targets)
    with pytest.raises(FanoutError, match=said):
        Rewrite().program(Task(unit, Options(rewrite=(RULE,)), tmp_path, "", tmp_path / "prompt.md"))


def test_a_crash_may_be_tried_again() -> None:
    assert _verdict(Ended(None, 11, "exited", "ended by SIGSEGV")).retryable
    assert not _verdict(Ended(None, None, "timeout", "ran too long")).retryable
