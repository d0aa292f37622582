#!/usr/bin/env python3
"""Whether each query of the Grafana dashboard has data: dashboard.py PROMETHEUS_URL; fails if one has not."""

from __future__ import annotations

import json
import sys
import urllib.parse
import urllib.request
from pathlib import Path

BOARD = Path(__file__).parent / "grafana" / "mesh.json"


def series(url: str, query: str) -> int:
    """How many series with a number a query has now."""
    asked = urllib.parse.urlencode({"query": query})
    with urllib.request.urlopen(f"{url}/api/v1/query?{asked}", timeout=10) as page:
        found = json.load(page)["data"]["result"]
    return sum(each["value"][1] != "NaN" for each in found)


def main() -> None:
    """A line for each panel."""
    lacking = 0
    for panel in json.loads(BOARD.read_text())["panels"]:
        for target in panel["targets"]:
            found = series(sys.argv[1], target["expr"])
            lacking += not found
            told = f"{found} series" if found else f"NO DATA for {target['expr']}"
            print(f"{panel['title']}: {told}")
    print("every panel has data" if not lacking else f"{lacking} queries have no data")
    raise SystemExit(bool(lacking))


if __name__ == "__main__":
    main()
