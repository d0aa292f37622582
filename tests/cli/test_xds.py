"""`xds serve` gives resources of one's own to whoever asks, and `xds watch` shows it, word by word."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
from click.testing import CliRunner

from miniistiod.cli import main
from miniistiod.xds.type_rules import CDS
from tests.server.client import DELTA, Stream, asynchronous
from tests.support.ports import free_ports

PROGRAM = (sys.executable, "-c", "from miniistiod.cli import main; main()")
ONE = '"@type": type.googleapis.com/envoy.config.cluster.v3.Cluster\nname: a\nconnect_timeout: %s\n'


@contextmanager
def program(*words: str) -> Iterator[subprocess.Popen[str]]:
    """`miniistiod` with these words, ended at exit."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen([*PROGRAM, *words], **pipes) as process:
        try:
            yield process
        finally:
            process.terminate()


def line(process: subprocess.Popen[str], wanted: str) -> str:
    """The next line with this in it."""
    assert process.stdout is not None
    for said in process.stdout:
        if wanted in said:
            return said
    raise AssertionError(f"it ended without saying {wanted!r}")


@asynchronous
async def test_resources_of_a_file_are_served_watched_and_followed(tmp_path: Path) -> None:
    xds, pages = (f"127.0.0.1:{port}" for port in free_ports(2))
    file = tmp_path / "raw.yaml"
    file.write_text(ONE % "1s")
    addresses = ("--grpc-address", xds, "--http-address", pages)
    with program("xds", "serve", str(file), *addresses) as server:
        line(server, "serving")
        async with grpc.aio.insecure_channel(xds) as channel:
            with program("xds", "watch", "n", "--http-address", pages) as watch:
                assert "no streams are open" in line(watch, "watching")
                client = Stream(channel, DELTA)
                got = await client.asks(CDS)
                assert [each.name for each in got.resources] == ["a"]
                assert "n.default → CDS request" in line(watch, "→")
                line(watch, "subscribes to *")
                line(watch, f"← CDS response {got.nonce}")
                line(watch, "a: asked for")
                assert f"ACK of {got.nonce}" in line(watch, "→")
                file.write_text("name: nothing\n")
                line(server, "what was right before keeps being served")
                file.write_text(ONE % "2s")
                pushed = await client.takes()
                line(watch, "a: changed")
                assert f"ACK of {pushed.nonce}" in line(watch, "→")


def test_a_file_that_is_no_resource_is_refused_with_its_name(tmp_path: Path) -> None:
    file = tmp_path / "raw.yaml"
    file.write_text("- just\n- a list\n")
    result = CliRunner().invoke(main, ["xds", "serve", str(file)])
    assert result.exit_code == 1
    assert f'{file}: begin with `resources:`, or with "@type"' in result.stderr
