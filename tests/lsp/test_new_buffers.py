"""What an editor shows of files that are yet to be made, and of such as somebody removed."""

from __future__ import annotations

from pathlib import Path

from tests.lsp.editor import MakeEditor, message, run_files


def test_a_new_buffer_is_part_of_the_base_and_a_removed_file_is_not(
    connect: MakeEditor, checkout: Path, tmp_path: Path
) -> None:
    editor = connect()
    # As if it had been saved so: with its text, and nothing typed since.
    editor.did_open("new.txt", "not saved\n")
    editor.did_open("none.txt", "\n")
    editor.did_open("b.txt")
    # By then it has looked for them.
    assert editor.client.command("fanout.status") == {"runs": []}
    (checkout / "b.txt").unlink()
    command = ["sh", "-c", "ls *.txt > $0; cat new.txt >> $0", "{file}"]
    run_files(editor, tmp_path, "a.txt", command=command, apply="now")
    message(editor, "Applied 1 file")
    assert (checkout / "a.txt").read_text() == "a.txt\nnew.txt\nnot saved\n"
    assert not (checkout / "new.txt").exists()
    assert editor.client.shutdown() == 0
