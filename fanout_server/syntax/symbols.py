"""Functions, classes and methods of a source text, and which of them are the units of a selection.

What is a symbol:

- A function or method with a body, or a class: also interfaces, traits, structs, enums, Ruby modules and Rust's impl
  blocks. A value with a name counts too: ``const f = () => ...``, ``exports.f = function``, a method in an object.
- What a person takes for a part of it belongs to it: decorators, attributes, ``export``, ``template <...>``, the
  comment right above, the signatures of its overloads.
- Functions and classes in a function are parts of that function, never symbols of their own.
- A declaration without a body (a prototype, an abstract method) is no symbol. Only in headers (``.h``, ``.d.ts``) is it
  one, where there is nothing else.
- Namespaces and modules are no symbols; what is in them is.

What is one unit of a selection (``touched``):

- A function that the selection touches, if only by a character.
- A class as a whole, where the selection begins before its body (so it touches its header), or touches nothing in it
  but fields. Else those of its methods and inner classes that are touched, by the same rules.
- Of a file as a whole (``whole``) all functions and classes at its top. Where that is one class alone, as in Java, its
  methods instead: there would be nothing to split.

So no two units overlap, and each symbol that is touched is in exactly one of them.

A symbol's name says in which classes it is (``Cart.add``). The second of the same name in a file is ``Cart.add~2``.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum

from attrs import frozen

_ORDINAL = re.compile(r"~\d+$")


class Kind(Enum):
    FUNCTION = "function"
    CLASS = "class"


@frozen
class Symbol:
    """``start:end`` of the text. A class has a ``body`` from that offset on, its ``members`` lie in it, in order."""

    name: str
    kind: Kind
    start: int
    end: int
    body: int
    members: tuple[Symbol, ...] = ()


def touched(symbols: Sequence[Symbol], start: int, end: int) -> tuple[Symbol, ...]:
    """The units of the selection ``start:end``, which has at least one character; the rule stands above."""
    units: list[Symbol] = []
    for symbol in symbols:
        if symbol.start < end and start < symbol.end:
            inner = touched(symbol.members, start, end) if start >= symbol.body else ()
            units += inner or (symbol,)
    return tuple(units)


def whole(symbols: tuple[Symbol, ...]) -> tuple[Symbol, ...]:
    """The units of a file that is selected as a whole."""
    while len(symbols) == 1 and symbols[0].members:
        inner = symbols[0].members
        if len(inner) == 1 and inner[0].kind is Kind.FUNCTION:
            break
        symbols = inner
    return symbols


def every(symbols: Iterable[Symbol]) -> Iterator[Symbol]:
    """The symbols and all in them, in the order of the text."""
    for symbol in symbols:
        yield symbol
        yield from every(symbol.members)


def named(symbols: Iterable[Symbol], name: str) -> tuple[Symbol, ...]:
    """Those that may be meant by a name as a person writes it: ``add``, ``Cart.add``, ``Cart::add``, ``add()``.

    One where the whole name fits, else all that end in these parts.
    """
    wanted = _plain_parts(name)
    found = [(symbol, _plain_parts(symbol.name)) for symbol in every(symbols)]
    exact = next((symbol for symbol, parts in found if parts == wanted), None)
    if exact is not None:
        return (exact,)
    return tuple(symbol for symbol, parts in found if wanted and parts[-len(wanted) :] == wanted)


def similar(symbols: Iterable[Symbol], name: str) -> str | None:
    """The name of the symbol that ``name`` may be a misspelling of."""
    short: dict[str, str] = {}
    for symbol in every(symbols):
        short.setdefault(symbol.name, symbol.name)
        short.setdefault(symbol.name.rpartition(".")[2], symbol.name)
    near = difflib.get_close_matches(name, short, n=1)
    return short[near[0]] if near else None


def spoken(name: str) -> str:
    """A symbol's name without the number that tells it from others of the same name."""
    return _ORDINAL.sub("", name)


def _plain_parts(name: str) -> tuple[str, ...]:
    name = re.sub(r"::|->|[/#]", ".", name.removesuffix("()"))
    return tuple(part for part in name.split(".") if part)
