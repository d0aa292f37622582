#!/usr/bin/env python3
"""How soon a change of config/ is in force: effect.py FILE SERVICE URL TEXT, in the folder of a lab.

FILE is copied into config/ and removed again, five times, while curl asks URL fifty times a second in the
container of SERVICE. A change is in force with the first answer, head or body, that has TEXT, or no longer.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from verify import program, spoken

TIMES, PER_SECOND, SECONDS = 5, 50, 60
END = "-- end of an answer --"
ASK = "echo $$; exec curl -s -i --max-time 5 --rate {rate}/s -w '\\n{end}\\n' '{url}?[1-{last}]'"


@contextmanager
def answers(service: str, url: str) -> Iterator[Iterator[str]]:
    """The answers to one request after the other, each as it comes."""
    compose, last = program(), PER_SECOND * SECONDS * 2 * TIMES
    ask = ASK.format(rate=PER_SECOND, end=END, url=url, last=last)
    words = spoken(f"docker compose exec {service}", compose).split()
    client = subprocess.Popen([*words, "sh", "-c", ask], stdout=subprocess.PIPE, text=True)
    assert client.stdout
    number = client.stdout.readline().strip()
    try:
        yield parted(client.stdout)
    finally:
        subprocess.run([*words, "sh", "-c", f"kill {number}"], check=False)
        client.communicate()


def parted(lines: Iterator[str]) -> Iterator[str]:
    """The text before each line that ends an answer."""
    answer = ""
    for line in lines:
        if line.strip() == END:
            yield answer.lstrip()
            answer = ""
        else:
            answer += line


def until(wanted: bool, text: str, found: Iterator[str]) -> float:
    """Seconds until the first answer that has the text, or, if not wanted, has it not."""
    start = time.monotonic()
    for answer in found:
        took = time.monotonic() - start
        if answer.startswith("HTTP/") and (text in answer) == wanted:
            return took
        if took > SECONDS:
            break
    raise SystemExit(f"not in force after {SECONDS} s")


def main() -> None:
    """Change and change back, then say how long it took."""
    file, service, url, text = sys.argv[1:]
    target, took = Path("config") / Path(file).name, []
    with answers(service, url) as found:
        until(False, text, found)
        for _ in range(TIMES):
            shutil.copyfile(file, target)
            took.append(until(True, text, found))
            target.unlink()
            took.append(until(False, text, found))
    middle = statistics.median(took)
    span = f"{min(took):.2f} to {max(took):.2f} s"
    print(f"in force after {middle:.2f} s, median of {len(took)} changes, {span};", end=" ")
    print("within a second" if middle < 1 else "NOT in time")


if __name__ == "__main__":
    main()
