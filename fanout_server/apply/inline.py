"""What differs within a line, so that a cursor in the rest of it stays where it is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from fanout_server.apply.graphemes import may_cut
from fanout_server.apply.spans import Span, joined
from fanout_server.repo.ends import common_head, common_tail
from fanout_server.repo.hunks import hunks

# None of these holds a line feed: a line has that at its end alone, which is cut off first.
_TOKEN = re.compile(r"\w+|[^\S\r\n]+|.", re.DOTALL)
# For what is minified: statements and arguments.
_CHUNK = re.compile(r"[^;,{}]*[;,{}]|[^;,{}]+")
# Both sides together. Beyond, a diff of hostile text takes 20 s for a megabyte; up to here, 0.3 s.
_MOST_TOKENS = 200_000
_MINIMAL_TOKENS = 1_000
_WORD = re.compile(r"\w+")
_NEAR = 3
_ALIKE = 0.5


def words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text))


def differences(old: str, new: str) -> list[Span] | None:
    """The spans, in characters, in which two lines differ; ``None`` where they share too little to be one line edited.

    Lines hold their ends. No span begins or ends inside what a person sees as one character.
    """
    spans = _whole_characters(_spans(old, new), old, new)
    spans = joined(spans, lambda start, end: end - start <= _NEAR and not _WORD.search(old, start, end))
    return spans if _share_enough(old, new, spans) else None


def _spans(old: str, new: str) -> list[Span]:
    old_end, new_end = _end_of(old), _end_of(new)
    spans = list(_body_spans(old[:old_end], new[:new_end]))
    if old[old_end:] != new[new_end:]:
        spans.append(Span(old_end, len(old), new_end, len(new)))
    return spans


def _end_of(line: str) -> int:
    """Where its line end begins."""
    if line.endswith("\r\n"):
        return len(line) - 2
    return len(line) - 1 if line.endswith(("\n", "\r")) else len(line)


def _body_spans(old: str, new: str) -> Iterator[Span]:
    if old == new:
        return
    whole = _whole_words(_trimmed(Span(0, len(old), 0, len(new)), old, new), old, new)
    old, new = old[whole.old_start : whole.old_end], new[whole.new_start : whole.new_end]
    found = [Span(0, len(old), 0, len(new))] if words(old).isdisjoint(words(new)) else _token_spans(old, new)
    for span in found:
        yield _trimmed_if_alike(span, old, new).shifted(whole.old_start, whole.new_start)


def _whole_words(span: Span, old: str, new: str) -> Span:
    """Widened where it begins or ends inside a word; before and behind it both texts are the same."""
    before, after = 0, 0
    if _is_word(old[span.old_start : span.old_start + 1]) or _is_word(new[span.new_start : span.new_start + 1]):
        while before < span.old_start and _is_word(old[span.old_start - before - 1]):
            before += 1
    if _is_word(old[max(0, span.old_end - 1) : span.old_end]) or _is_word(new[max(0, span.new_end - 1) : span.new_end]):
        while span.old_end + after < len(old) and _is_word(old[span.old_end + after]):
            after += 1
    return Span(span.old_start - before, span.old_end + after, span.new_start - before, span.new_end + after)


def _is_word(char: str) -> bool:
    """As ``_WORD`` has it."""
    return char.isalnum() or char == "_"


def _trimmed(span: Span, old: str, new: str) -> Span:
    """Without what both sides begin and end with."""
    left, right = old[span.old_start : span.old_end], new[span.new_start : span.new_end]
    head = common_head(left, right)
    tail = common_tail(left[head:], right[head:])
    return Span(span.old_start + head, span.old_end - tail, span.new_start + head, span.new_end - tail)


def _trimmed_if_alike(span: Span, old: str, new: str) -> Span:
    """``get`` and ``gets`` are; that ``alpha`` and ``gamma`` both end with an ``a`` says nothing."""
    trimmed = _trimmed(span, old, new)
    size = min(span.old_end - span.old_start, span.new_end - span.new_start)
    rest = min(trimmed.old_end - trimmed.old_start, trimmed.new_end - trimmed.new_start)
    return trimmed if rest <= size * _ALIKE else span


def _token_spans(old: str, new: str) -> Iterator[Span]:
    """Words are compared as if each stood on a line: so what is fast and bounded for lines is so for a long line."""
    tokens = _tokens(old, new)
    if tokens is None:
        yield Span(0, len(old), 0, len(new))
        return
    old_tokens, new_tokens = tokens
    old_places, new_places = _places(old_tokens), _places(new_tokens)
    for hunk in hunks(_as_lines(old_tokens), _as_lines(new_tokens), _MINIMAL_TOKENS):
        yield Span(
            old_places[hunk.old_start],
            old_places[hunk.old_start + hunk.old_lines],
            new_places[hunk.new_start],
            new_places[hunk.new_start + hunk.new_lines],
        )


def _tokens(old: str, new: str) -> tuple[list[str], list[str]] | None:
    """As fine as is affordable; ``None`` where nothing is."""
    for pattern in (_TOKEN, _CHUNK):
        found = pattern.findall(old), pattern.findall(new)
        if len(found[0]) + len(found[1]) <= _MOST_TOKENS:
            return found
    return None


def _as_lines(tokens: Sequence[str]) -> bytes:
    return "".join(f"{token}\n" for token in tokens).encode()


def _places(tokens: Sequence[str]) -> list[int]:
    places = [0]
    for token in tokens:
        places.append(places[-1] + len(token))
    return places


def _whole_characters(spans: Sequence[Span], old: str, new: str) -> list[Span]:
    """Widened to where both texts may be cut; between two spans the texts are the same, so both sides move alike."""
    if old.isascii() and new.isascii():
        # Line ends were kept whole already.
        return list(spans)
    found: list[Span] = []
    for index, span in enumerate(spans):
        floor = found[-1].old_end if found else 0
        ceiling = spans[index + 1].old_start if index + 1 < len(spans) else len(old)
        before = after = 0
        while span.old_start - before > floor and not _may_cut_both(
            old, span.old_start - before, new, span.new_start - before
        ):
            before += 1
        while span.old_end + after < ceiling and not _may_cut_both(
            old, span.old_end + after, new, span.new_end + after
        ):
            after += 1
        found.append(Span(span.old_start - before, span.old_end + after, span.new_start - before, span.new_end + after))
    return joined(found)


def _may_cut_both(old: str, old_at: int, new: str, new_at: int) -> bool:
    return may_cut(old, old_at) and may_cut(new, new_at)


def _share_enough(old: str, new: str, spans: Sequence[Span]) -> bool:
    """Half of both, or all of one of them: blanks do not count."""
    changed_old = sum(_ink(old[span.old_start : span.old_end]) for span in spans)
    changed_new = sum(_ink(new[span.new_start : span.new_end]) for span in spans)
    old_ink, new_ink = _ink(old), _ink(new)
    kept = old_ink - changed_old
    if kept and 0 in (changed_old, changed_new):
        return True
    return kept * 2 >= (old_ink + new_ink) * _ALIKE and kept > 0


def _ink(text: str) -> int:
    return len("".join(text.split()))
