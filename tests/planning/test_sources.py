"""What a plan calls its document."""

from __future__ import annotations

from pathlib import Path

from fanout_server.planning.sources import source_of


def test_a_document_is_named_from_the_top_folder_and_by_its_path_elsewhere(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "in").mkdir(parents=True)
    (tmp_path / "link").symlink_to(root)
    (root / "p.fanout.md").symlink_to(tmp_path / "real.fanout.md")
    assert source_of(root / "in" / "a.fanout.md", root) == "in/a.fanout.md"
    assert source_of(tmp_path / "link" / "in" / ".." / "odd \udcff.fanout.md", root) == "odd \udcff.fanout.md"
    assert source_of(f"{root}/p.fanout.md", root) == "p.fanout.md"
    assert source_of(tmp_path / "gone" / "a.fanout.md", root) == str(tmp_path / "gone" / "a.fanout.md")
