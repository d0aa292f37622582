"""Every reference case: each resource of each proxy is the one istiod sends."""

from __future__ import annotations

import pytest

from tests.parity import ours, reference
from tests.parity.dump import TYPES, differences
from tests.parity.reference import Dump


def faults(want: Dump, got: Dump) -> list[str]:
    """What differs between two dumps, resource by resource."""
    found = []
    for kind in TYPES:
        a, b = want.get(kind, {}), got.get(kind, {})
        found += [f"{kind} {name}: missing" for name in a.keys() - b.keys()]
        found += [f"{kind} {name}: unexpected" for name in b.keys() - a.keys()]
        found += [
            f"{kind} {name}: {line}" for name in a.keys() & b.keys() for line in differences(a[name], b[name])
        ]
    return sorted(found)


@pytest.mark.parametrize("name", reference.names())
def test_case(name: str) -> None:
    given = ours.dumps(name)
    wanted = reference.expected(name)
    assert given.keys() == wanted.keys()
    assert [f"{proxy} {fault}" for proxy in wanted for fault in faults(wanted[proxy], given[proxy])] == []


def test_the_reference_is_whole() -> None:
    cases = {name: reference.expected(name) for name in reference.names() if reference.COMBINED not in name}
    resources = sum(
        len(found) for dumps in cases.values() for dump in dumps.values() for found in dump.values()
    )
    assert (len(cases), resources) == (281, 4014)
