#!/usr/bin/env python3
"""What a lab costs on this machine: measure.py [FOLDER ...], all labs without one. Images are made before.

Each lab is taken up with the rules that its README has in force at the first 200. Said are the seconds from
`up` to this first 200, those that the processors worked for all containers by then (which tells of busy
machines too), and the memory of all containers a little later, as `docker stats` counts it.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path

from verify import ONCE, Step, clean, program, said, spoken, steps

LABS = Path(__file__).resolve().parent / "labs"
REST, SECONDS = 15.0, 300.0
UNITS = {"B": 1e-6, "KiB": 2**10 / 1e6, "MiB": 2**20 / 1e6, "GiB": 2**30 / 1e6}


def run(command: str, folder: Path) -> str:
    """What a command says, whether it went well or not."""
    words = ["bash", "-c", spoken(command, program())]
    done = subprocess.run(
        words, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    return done.stdout


def to_first_200(folder: Path) -> float:
    """Seconds from `up` until the first command of the README whose answer is 200 has it."""
    before: list[Step] = []
    for step in steps((folder / "README.md").read_text()):
        if any(said(wanted, "200") for wanted in step.wanted):
            break
        before.append(step)
    for each in before:
        if each.command.startswith(ONCE) and not each.command.startswith("docker"):
            run(each.command, folder)
    start = time.monotonic()
    subprocess.run(["bash", "-c", f"{program()} up -d"], cwd=folder, capture_output=True, check=True)
    while not step.fits(run(step.command, folder)):
        if time.monotonic() - start > SECONDS:
            raise SystemExit(f"{folder.name}: no 200 in {SECONDS:.0f} s")
    return time.monotonic() - start


def work(folder: Path) -> float:
    """Seconds of processors that all containers have had, by their own account: cgroup v2 or v1."""
    ask = "cd /sys/fs/cgroup; cat cpu.stat cpuacct/cpuacct.usage 2>/dev/null"
    ids = run("docker compose ps -q", folder).split()
    found = [run(f"docker exec {each} sh -c '{ask}'", folder) for each in ids]
    both = [re.match(r"usage_usec (?P<micro>\d+)|(?P<nano>\d+)", text) for text in found]
    return sum(int(m["micro"] or 0) / 1e6 + int(m["nano"] or 0) / 1e9 for m in both if m)


def memory(folder: Path) -> dict[str, float]:
    """Megabytes (10^6) of each container."""
    ids = run("docker compose ps -q", folder).split()
    words = ["docker", "stats", "--no-stream", "--format", "{{json .}}", *ids]
    lines = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    return {each["Name"]: megabytes(each["MemUsage"].split("/")[0]) for each in map(json.loads, lines)}


def megabytes(text: str) -> float:
    """`17.5MiB` as megabytes."""
    found = re.match(r"([\d.]+)(\w+)", text)
    assert found, text
    return float(found[1]) * UNITS[found[2]]


def parts(found: dict[str, float]) -> str:
    """The span of each kind of container, by the ending of its name."""
    kinds: dict[str, list[float]] = {}
    for name, size in found.items():
        kind = next((k for k in ("istiod", "tokens", "-pod", "-proxy") if k in name), "program")
        kinds.setdefault(kind.strip("-"), []).append(size)
    return ", ".join(f"{kind} {min(sizes):.0f} to {max(sizes):.0f}" for kind, sizes in kinds.items())


def main() -> None:
    """A line of a table for each lab, and the parts."""
    print("| lab | containers | memory of all | from `up` to the first 200 | work by then |")
    print("| --- | --- | --- | --- | --- |", flush=True)
    for folder in [Path(f).resolve() for f in sys.argv[1:]] or sorted(LABS.iterdir()):
        clean(folder, program())
        try:
            seconds, worked = to_first_200(folder), work(folder)
            time.sleep(REST)
            found = memory(folder)
            size = f"{sum(found.values()):.0f} MB"
            print(f"| {folder.name} | {len(found)} | {size} | {seconds:.1f} s | {worked:.1f} s |", flush=True)
            print(f"{folder.name}, MB: {parts(found)}", file=sys.stderr, flush=True)
        finally:
            clean(folder, program())


if __name__ == "__main__":
    main()
