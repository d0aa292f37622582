"""Runs every command of a lab's README.md and checks what it says comes out: verify.py FOLDER [README].

In its `sh` blocks a line `# → TEXT` says that the output of the command before it contains TEXT, `# → /RE/`
that the expression is found in it, `# ↛ TEXT` that the text is not. A change needs a moment to arrive, so a
command is asked again until it says what it should, SECONDS at most. In the end the lab is taken down.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

SECONDS = float(os.environ.get("VERIFY_SECONDS", "300"))
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
ONCE = ("cp ", "rm ", "mv ", "sed ", "git ", "docker compose up", "docker compose down", "openssl ")
"""Commands that are not asked again."""
PARTS = {"PROMETHEUS_PORT": 9090, "GRAFANA_PORT": 3000, "JAEGER_PORT": 16686}
"""Variable → the port it stands for."""
TOLD = "../../"
"""How commands begin whose output is worth being read: measurements."""


@dataclass
class Step:
    """A command with what the README says of its output."""

    command: str
    wanted: list[str] = field(default_factory=list)
    unwanted: list[str] = field(default_factory=list)

    def fits(self, output: str) -> bool:
        """Whether the output is as the README says."""
        return all(said(w, output) for w in self.wanted) and not any(said(u, output) for u in self.unwanted)


def said(text: str, output: str) -> bool:
    """Whether a text, or an expression between slashes, is in the output."""
    if text.startswith("/") and text.endswith("/"):
        return re.search(text[1:-1], output, re.MULTILINE) is not None
    return text in output


def steps(readme: str) -> Iterator[Step]:
    """The commands of all `sh` blocks; a backslash at the end of a line continues it."""
    for block in BLOCK.findall(readme):
        step: Step | None = None
        for line in block.replace("\\\n", " ").splitlines():
            if line.startswith("# → ") and step:
                step.wanted.append(line[4:])
            elif line.startswith("# ↛ ") and step:
                step.unwanted.append(line[4:])
            elif line.strip() and not line.startswith("#"):
                if step:
                    yield step
                step = Step(line)
        if step:
            yield step


def program() -> str:
    """The compose that is here: the plugin, or docker-compose."""
    if named := os.environ.get("COMPOSE"):
        return named
    plugin = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    return (
        "docker compose" if plugin.returncode == 0 or not shutil.which("docker-compose") else "docker-compose"
    )


def spoken(command: str, compose: str) -> str:
    """The command as a script can run it: with the compose and the ports that are here, and no terminal."""
    for name, value in os.environ.items():
        if name.startswith("PORT_"):
            command = command.replace(name.removeprefix("PORT_"), value)
        if name in PARTS:
            command = command.replace(f"localhost:{PARTS[name]}", f"localhost:{value}")
    return command.replace("docker compose exec ", "docker compose exec -T ").replace(
        "docker compose", compose
    )


def passed(step: Step, folder: Path, compose: str) -> bool:
    """Run a step until it fits; say how it went."""
    start, line = time.monotonic(), spoken(step.command, compose)
    again = not step.command.startswith(ONCE)
    while True:
        done = subprocess.run(
            ["bash", "-c", line],
            cwd=folder,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        output = done.stdout + done.stderr
        well = step.fits(output) and (done.returncode == 0 or bool(step.wanted))
        seconds = time.monotonic() - start
        if well or not again or seconds > SECONDS:
            break
        time.sleep(0.2)
    print(f"{'ok  ' if well else 'FAIL'} {seconds:5.1f} s  {step.command}", flush=True)
    if well and step.command.startswith(TOLD):
        print(f"             {output.strip()}", flush=True)
    if not well:
        print(
            f"wanted {step.wanted}, not {step.unwanted}; status {done.returncode}, output:\n{output[-3000:]}"
        )
    return well


def left(project: str) -> list[str]:
    """Containers, networks and volumes that are still there."""
    found = []
    for kind, words in (
        ("container", ["ps", "-aq"]),
        ("network", ["network", "ls", "-q"]),
        ("volume", ["volume", "ls", "-q"]),
    ):
        label = f"label=com.docker.compose.project={project}"
        out = subprocess.run(
            ["docker", *words, "--filter", label], capture_output=True, text=True, check=True
        )
        found += [f"{kind} {each}" for each in out.stdout.split()]
    return found


def clean(folder: Path, compose: str) -> None:
    """Take the lab down and the exercises out of config/."""
    for file in folder.glob("config/[0-9]*.yaml"):
        file.unlink()
    down = [*compose.split(), "--profile", "observability", "down", "-v", "-t", "3"]
    subprocess.run(down, cwd=folder, capture_output=True, check=False)


def main() -> int:
    """All steps, until one fails; 0 when all are well and nothing is left."""
    folder, compose = Path(sys.argv[1]).resolve(), program()
    readme = Path(sys.argv[2]) if len(sys.argv) > 2 else folder / "README.md"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    clean(folder, compose)
    try:
        for step in steps(readme.read_text()):
            if not passed(step, folder, compose):
                subprocess.run(
                    ["sh", "-c", f"{compose} ps; {compose} logs --tail 4"], cwd=folder, check=False
                )
                return 1
        rest = left(folder.name)
        print("nothing is left" if not rest else f"FAIL left: {', '.join(rest)}")
        return bool(rest)
    finally:
        clean(folder, compose)


if __name__ == "__main__":
    raise SystemExit(main())
