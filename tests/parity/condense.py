"""Take the reference's cases into this folder: `python tests/parity/condense.py GOLDEN`.

GOLDEN holds `cases/AREA/NAME.yaml` and `expected/AREA/NAME/PROXY.json`. Only for when the reference is
made anew; never to be fed with our own output.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.parity import reference


def main(golden: Path) -> None:
    for area in sorted(p for p in (golden / "expected").iterdir() if p.is_dir()):
        shutil.rmtree(reference.CASES / area.name, ignore_errors=True)
        shutil.copytree(golden / "cases" / area.name, reference.CASES / area.name)
        dumps = {
            case.name: {f.stem: json.loads(f.read_text()) for f in sorted(case.glob("*.json"))}
            for case in sorted(area.iterdir())
        }
        path = reference.written(area.name, dumps)
        for name, proxies in dumps.items():
            if reference.expected(f"{area.name}/{name}") != proxies:
                raise SystemExit(f"{area.name}/{name} does not come back as it was")
        print(f"{path.name}: {path.stat().st_size} bytes, {len(dumps)} cases")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
