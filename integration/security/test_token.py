"""A workload's token lives for twelve hours; a lab may live longer."""

from __future__ import annotations

import re
import time

import pytest

from miniistiod.lab import sidecar
from miniistiod.testing.live import LiveLab
from miniistiod.testing.traffic import SECONDS

pytestmark = pytest.mark.lab("security")


def counted(lab: LiveLab, name: str) -> int:
    """A counter of the client's Envoy about its token."""
    page = lab.proxy("client", f"/stats?filter=sds.control-plane-token.{name}")
    found = re.search(r": (\d+)$", page.strip())
    assert found, page
    return int(found[1])


def test_envoy_takes_up_a_token_that_is_renewed_under_it(lab: LiveLab) -> None:
    before = counted(lab, "update_success")
    (client,) = (w for w in lab.outside.described().workloads if w.name == "client")
    sidecar.write_token(client, lab.state.pod(client.key), lab.state)
    end = time.monotonic() + SECONDS
    while counted(lab, "update_success") == before:
        assert time.monotonic() < end, "Envoy has not read its token again"
    assert counted(lab, "update_rejected") == 0
