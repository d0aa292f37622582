"""docker/effect.py: it sees the first answer of a changed rule, and leaves the configuration as it was."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

EFFECT = Path(__file__).parents[2] / "docker" / "effect.py"
DOCKER = """#!/bin/sh
# docker compose exec -T SERVICE COMMAND...: the command, on this machine
shift 4
exec "$@"
"""


@contextmanager
def marking(rule: Path) -> Iterator[str]:
    """The address of a server that marks its answers while the rule is there."""

    class Marking(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            if rule.exists():
                self.send_header("x-mark", "here")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Marking)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()


def test_a_change_is_seen_there_and_back_and_the_rule_is_gone_afterwards(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "mark.yaml").write_text("a rule\n")
    (tmp_path / "docker").write_text(DOCKER)
    (tmp_path / "docker").chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "COMPOSE": "docker compose"}
    with marking(tmp_path / "config" / "mark.yaml") as url:
        words = [sys.executable, str(EFFECT), "mark.yaml", "client", url, "x-mark: here"]
        done = subprocess.run(
            words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stderr
    assert "median of 10 changes" in done.stdout
    assert not list((tmp_path / "config").iterdir())
