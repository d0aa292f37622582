"""A short run of the fuzzer; `python -m tests.security.fuzz 100000` is the long one."""

from __future__ import annotations

import pytest

from tests.security import fuzz


@pytest.mark.parametrize("seed", range(4))
def test_mutated_policies_never_crash_and_are_never_more_permissive(seed: int) -> None:
    fuzz.run(400, seed)
