"""Keys are masked, and what is none is left as it is."""

from __future__ import annotations

import pytest

from fanout_server.agents.secret import masked


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("key sk-ant-api03-AbC_dEf-1234 no", "key [secret] no"),
        ("Incorrect API key provided: sk-abcde*****wxyz.", "Incorrect API key provided: [secret]."),
        ("AIzaSyA1234567890abcdefghijklmnop", "[secret]"),
        ("ghp_0123456789abcdefghij", "[secret]"),
        ("Authorization: Bearer abcdef0123456789", "Authorization: Bearer [secret]"),
        ("https://me:pass@host/x?key=abc&b=1", "https://[secret]@host/x?key=[secret]&b=1"),
        ("eyJhbGciOi.eyJzdWIi.c2ln", "[secret]"),
        ("ask-me-about-it and task-force", "ask-me-about-it and task-force"),
        ("http://127.0.0.1:8899/v1/responses", "http://127.0.0.1:8899/v1/responses"),
        ("src/sk-learn/a.py", "src/sk-learn/a.py"),
    ],
)
def test_masked(text: str, left: str) -> None:
    assert masked(text) == left
