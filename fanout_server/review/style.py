"""How a new file is written: what of it can be told apart from a habit of the repository."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from fanout_server.review import facts as facts_of
from fanout_server.review.facts import Facts, shown
from fanout_server.syntax import grammars
from fanout_server.syntax.worker import Worker

_JS = frozenset({"javascript", "typescript", "tsx"})
_CLEAR = 0.8
_LEAST_SEEN = 3
_TEST = re.compile(
    r"(^|/)(test_[^/]*|[^/]*_test|[^/]*[.-](test|spec)|[^/]*_spec)\.\w+$|(^|/)(tests?|__tests__|spec)/", re.IGNORECASE
)

WORDS = {
    "quotes": "{} quotes",
    "indent": "an indent of {}",
    "line ends": "{} line ends",
    "semicolons": "{} semicolons",
    "modules": "{}",
    "test words": "'{}' for its tests",
    "asserts": "{}",
    "mocks": "{} for mocks",
    "tests": "tests as {}",
    "file names": "a file name in {}",
    "function names": "function names in {}",
    "placement": "tests {}",
}


def is_test(path: str) -> bool:
    return _TEST.search(path) is not None


def read(process: Worker, text: str, path: str, limit: float) -> dict[str, str]:
    """``habits``, all of it in that process. Blocking. Raises Unreadable."""
    readings = grammars.readings(path, text)
    if not readings:
        return habits(path, text, None)
    told = process.call(f"{__name__}:answer", text, path, readings, limit=limit)
    return {str(feature): str(value) for feature, value in told.items()}


def answer(text: str, path: str, readings: list[str]) -> dict[str, str]:
    """What that process runs."""
    return habits(path, text, facts_of.told(facts_of.answer(text, readings, grammars.is_header(path))))


def habits(path: str, text: str, facts: Facts | None) -> dict[str, str]:
    """Feature -> value, of those that the file shows clearly."""
    found = {"line ends": _line_ends(text), "file names": _case(path.rpartition("/")[2].split(".")[0])}
    if is_test(path):
        found["placement"] = (
            "in a folder of their own" if re.search(r"(^|/)(tests?|__tests__|spec)/", path) else "beside what they test"
        )
    if facts is not None:
        code = shown(text, facts, comments=False, texts=False)
        found["indent"] = _indent(code)
        found["quotes"] = _quotes(text, facts)
        found["function names"] = _most(
            Counter(
                filter(None, (_case(one.name.rpartition(".")[2]) for one in facts.symbols if one.head[:5] != "class"))
            )
        )
        found |= dict(
            _of_language(facts.language, code, shown(text, facts, comments=False, texts=True), test=is_test(path))
        )
    return {feature: value for feature, value in found.items() if value}


def _of_language(language: str, code: str, text: str, *, test: bool) -> Iterator[tuple[str, str]]:
    if language in _JS:
        ends = [line.rstrip() for line in text.split("\n") if re.search(r"[\w)\]'\"`;]\s*$", line)]
        with_mark = sum(line.endswith(";") for line in ends)
        statements = sum(
            bool(re.match(r"\s*(const|let|var|return|import|export \*|throw)\b.*[\w)\]'\"`;]$", line)) for line in ends
        )
        if with_mark * 3 >= len(ends) > 0:
            yield "semicolons", "with"
        elif statements >= _LEAST_SEEN and not with_mark:
            yield "semicolons", "no"
        if re.search(r"^\s*(import\s|export\s)", code, re.MULTILINE):
            yield "modules", "import and export"
        elif re.search(r"\brequire\(|\bmodule\.exports\b|^exports\.", code, re.MULTILINE):
            yield "modules", "require and module.exports"
        if test:
            yield "test words", _most(Counter(re.findall(r"^\s*(it|test)\b(?=[.(])", code, re.MULTILINE)))
            yield "mocks", _most(Counter(re.findall(r"\b(jest|vi|sinon)(?=\.(?:mock|fn|spyOn|stub)\b)", code)))
            yield (
                "asserts",
                _most(
                    Counter(
                        f"{word} for its asserts" for word in re.findall(r"\b(expect|assert|should)\b(?=[.(])", code)
                    )
                ),
            )
    if language == "python" and test:
        bare = len(re.findall(r"^\s*assert\b", code, re.MULTILINE))
        methods = len(re.findall(r"\bself\.assert\w+\(", code))
        yield "asserts", _most(Counter({"plain asserts": bare, "self.assert...": methods}))
        in_classes = len(re.findall(r"^[ \t]+(?:async )?def test", code, re.MULTILINE))
        alone = len(re.findall(r"^(?:async )?def test", code, re.MULTILINE))
        yield "tests", _most(Counter({"methods of classes": in_classes, "functions": alone}), least=1)
        patches = len(re.findall(r"\b(?:mock\.)?(?:patch|MagicMock|Mock)\b", code))
        yield (
            "mocks",
            _most(
                Counter({"unittest.mock": patches, "monkeypatch": len(re.findall(r"\bmonkeypatch\.", text))}), least=1
            ),
        )


def _line_ends(text: str) -> str:
    ends = Counter({"CRLF": text.count("\r\n"), "LF": text.count("\n") - text.count("\r\n")})
    return _most(ends)


def _indent(code: str) -> str:
    depths = [line[: len(line) - len(line.lstrip(" \t"))] for line in code.split("\n") if line.strip()]
    found: Counter[str] = Counter()
    for before, after in pairwise(depths):
        if after.startswith(before) and len(after) > len(before):
            step = after[len(before) :]
            found["tabs" if "\t" in step else f"{len(step)} spaces"] += 1
    return _most(found)


def _quotes(text: str, facts: Facts) -> str:
    found: Counter[str] = Counter()
    for one in facts.hidden:
        if one.is_comment:
            continue
        part = text[one.start : one.end]
        inner = part.lstrip("rbfuRBFU")
        if (
            inner[:3] in {'"""', "'''"}
            or not inner
            or inner[0] not in "'\""
            or any(mark in inner[1:-1] for mark in "'\"\\")
        ):
            continue
        found["single" if inner[0] == "'" else "double"] += 1
    return _most(found)


def _case(name: str) -> str:
    name = re.sub(r"^(test_|spec_)|(_test|_spec)$", "", name.strip("_"))
    if "-" in name:
        return "kebab-case" if name == name.lower() else ""
    if "_" in name:
        return "snake_case" if name == name.lower() else ""
    if re.match(r"[a-z]+[0-9]*[A-Z]", name):
        return "camelCase"
    if re.match(r"[A-Z][a-z0-9]+([A-Z]|$)", name):
        return "PascalCase"
    return ""


def _most(found: Counter[str], least: int = _LEAST_SEEN) -> str:
    total = found.total()
    if total < least:
        return ""
    value, count = found.most_common(1)[0]
    return value if count >= _CLEAR * total else ""
