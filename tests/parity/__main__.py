"""Compare with the reference: `python -m tests.parity [ONLY] [--diffs N] [--types clusters,routes]`."""

from __future__ import annotations

import argparse
import collections
import traceback

from tests.parity import ours, reference
from tests.parity.dump import TYPES, differences


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="?", default="", help="substring of AREA/NAME")
    parser.add_argument("--diffs", type=int, default=6, help="differences shown for each resource")
    parser.add_argument("--types", default=",".join(TYPES), help="which of " + ", ".join(TYPES))
    options = parser.parse_args()
    kinds = options.types.split(",")
    counts: collections.Counter[tuple[str, str, bool]] = collections.Counter()
    whole = 0
    cases = reference.names(options.only)
    for name in cases:
        fine = compare(name, kinds, options.diffs, counts)
        whole += fine
    for area in sorted({area for area, _, _ in counts}):
        print(
            area,
            *(
                f"{k}: {counts[area, k, True]}/{counts[area, k, True] + counts[area, k, False]}"
                for k in kinds
            ),
            sep="  ",
        )
    same, wrong = (sum(n for (_, _, good), n in counts.items() if good is what) for what in (True, False))
    print(f"identical resources: {same} of {same + wrong}; whole cases: {whole} of {len(cases)}")
    raise SystemExit(wrong > 0)


def compare(
    name: str, kinds: list[str], diffs: int, counts: collections.Counter[tuple[str, str, bool]]
) -> bool:
    """Print and count the differences of a case."""
    area, fine = name.partition("/")[0], True
    try:
        given = ours.dumps(name)
    except Exception:  # one broken case must not hide the others
        print(f"{name}: {traceback.format_exc(limit=-4)}")
        given = {}
    for proxy, want in reference.expected(name).items():
        got = given.get(proxy, {})
        for kind in kinds:
            a, b = want.get(kind, {}), got.get(kind, {})
            for resource in sorted(a.keys() | b.keys()):
                lines = (
                    list(differences(a[resource], b[resource])) if resource in a and resource in b else None
                )
                good = lines == []
                counts[area, kind, good] += 1
                fine &= good
                if good:
                    continue
                what = ["missing" if resource in a else "unexpected"] if lines is None else lines[:diffs]
                print(f"{name} {proxy} {kind} {resource}:", *what, sep="\n    ")
    return fine


if __name__ == "__main__":
    main()
