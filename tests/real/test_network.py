"""That nothing can get out of where the programs are run."""

from __future__ import annotations

import subprocess
import sys

from tests.real.network import Network

_CONNECT = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=10).close()
except OSError as error:
    sys.exit(error.strerror)
"""


def _in(network: Network, *argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(network.inside(*argv), capture_output=True, check=False, text=True, timeout=20)


def test_there_is_nothing_but_the_loopback(network: Network) -> None:
    links = _in(network, "cat", "/proc/net/dev").stdout.splitlines()[2:]
    assert [link.split(":")[0].strip() for link in links] == ["lo"]


def test_only_the_stand_in_answers(network: Network) -> None:
    # 192.0.2.1 is nobody's, by RFC 5737.
    outside = _in(network, sys.executable, "-c", _CONNECT, "192.0.2.1", "443")
    assert "unreachable" in outside.stderr
    assert _in(network, sys.executable, "-c", _CONNECT, "127.0.0.1", str(network.port)).returncode == 0


def test_what_runs_in_it_is_seen(network: Network) -> None:
    assert network.running() == {}
    with subprocess.Popen(network.inside("tail", "-f", "/dev/null")) as process:
        try:
            while process.pid not in network.running():
                assert process.poll() is None
        finally:
            process.kill()
