"""Style: against the repository's own habits first, then against the other units."""

from __future__ import annotations

import pytest

from fanout_server.model import Finding, Severity
from fanout_server.review import outliers
from tests.review import merging
from tests.review.merging import Made

DOUBLE = 'const a = "x"\nconst b = "y"\nconst c = "z"\nexport const d = a + b + c\n'
SINGLE = DOUBLE.replace('"', "'")
PLAIN = "def test_{}():\n    assert 1\n    assert 2\n    assert 3\n"
METHODS = (
    "class T:\n    def test_{}(self):\n        self.assertEqual(1, 1)\n        self.assertTrue(3)\n"
    "        self.assertEqual(2, 2)\n"
)


def found(files: dict[str, Made], others: dict[str, str] | None = None) -> list[Finding]:
    with merging.material(files, others) as made:
        return list(outliers.find(made))


@pytest.mark.spares_code("review/style-outlier")
@pytest.mark.raises_code("review/style-outlier")
@pytest.mark.parametrize(
    ("name", "usual", "other", "words"),
    [
        ("src/f{}.js", DOUBLE, SINGLE, "single quotes"),
        ("src/f{}.ts", DOUBLE, DOUBLE.replace("\n", "\r\n"), "CRLF line ends"),
        ("src/f{}.js", DOUBLE, DOUBLE.replace("\n", ";\n"), "with semicolons"),
        ("src/f{}.js", DOUBLE, DOUBLE.replace("export const d", "module.exports.d"), "require and module.exports"),
        ("tests/test_f{}.py", PLAIN, METHODS, "self.assert..."),
        ("pkg/f{}.py", "def f():\n    return 1\n" * 3, "def f():\n\treturn 1\n" * 3, "an indent of tabs"),
        ("spec/f{}.test.js", "it('a', b)\n" * 3, "test('a', b)\n" * 3, "'test' for its tests"),
    ],
)
def test_a_file_that_is_not_like_those_beside_it_is_told(name: str, usual: str, other: str, words: str) -> None:
    siblings = {name.format(number): usual for number in range(6)}
    told = found({name.format(9): Made(None, other)}, siblings)
    assert [one.severity for one in told] == [Severity.HINT] * len(told)
    assert any(one.code == "review/style-outlier" and words in one.message for one in told)
    assert found({name.format(9): Made(None, usual)}, siblings) == []


def test_however_many_units_differ_from_the_repository_each_is_told() -> None:
    siblings = {f"src/f{number}.js": DOUBLE for number in range(5)}
    files = {f"src/g{number}.js": Made(None, SINGLE, (f"u{number}",)) for number in range(4)}
    assert [one.units for one in found(files, siblings)] == [(f"u{number}",) for number in range(4)]


def test_where_the_repository_has_no_habit_most_units_show_one() -> None:
    files = {f"g{number}.js": Made(None, SINGLE if number == 2 else DOUBLE, (f"u{number}",)) for number in range(5)}
    assert [(one.code, one.units) for one in found(files)] == [("review/style-outlier", ("u2",))]


@pytest.mark.raises_code("review/style-split")
def test_units_that_do_not_agree_are_told_once() -> None:
    files = {f"g{number}.js": Made(None, SINGLE if number % 2 else DOUBLE, (f"u{number}",)) for number in range(4)}
    (one,) = found(files)
    assert (one.code, len(one.units), len(one.related)) == ("review/style-split", 4, 1)


@pytest.mark.spares_code("review/style-outlier", "review/style-split")
def test_too_few_units_or_siblings_say_nothing() -> None:
    files = {f"g{number}.js": Made(None, SINGLE if number % 2 else DOUBLE, (f"u{number}",)) for number in range(3)}
    assert found(files, {f"src/f{number}.js": DOUBLE for number in range(4)}) == []


def test_what_is_only_edited_keeps_its_files_style() -> None:
    siblings = {f"src/f{number}.js": DOUBLE for number in range(6)}
    assert found({"src/g.js": Made(SINGLE, SINGLE + "const e = 'e'\n")}, siblings) == []
