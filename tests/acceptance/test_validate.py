"""Every reference case, as a stock Envoy gets it, is accepted by real Envoys."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

import pytest

from tests.acceptance.static_bootstrap import static_bootstrap
from tests.parity import ours, reference


@cache
def bootstraps(name: str) -> dict[str, bytes]:
    """{proxy: all that it is sent} of a case, as the bytes that Envoy reads."""
    return {
        proxy: static_bootstrap(scope).SerializeToString(deterministic=True)
        for proxy, scope in ours.scopes(name, stock=True).items()
    }


def refusal(envoy: str, bootstrap: bytes, folder: Path) -> str:
    """What Envoy says against a bootstrap; "" when it takes it."""
    path = folder / "bootstrap.pb"
    path.write_bytes(bootstrap)
    command = [envoy, "--mode", "validate", "-c", str(path), "--log-level", "error", "--concurrency", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr if done.returncode else ""


@pytest.mark.parametrize("name", reference.names())
def test_case(name: str, envoy: str, tmp_path: Path) -> None:
    given = bootstraps(name)
    assert given
    assert {proxy: said for proxy, made in given.items() if (said := refusal(envoy, made, tmp_path))} == {}


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ("a local cluster that is nowhere", "no_cluster"),
        ("a cluster without a name", "Name"),
        ("no address", "address"),
    ],
)
def test_what_is_wrong_is_refused(sent: str, said: str, envoy: str, tmp_path: Path) -> None:
    """The check itself: a bootstrap that is spoilt in one place does not pass."""
    (scope,) = ours.scopes("seeds/mirror-v2", stock=True).values()
    made = static_bootstrap(scope)
    if sent == "a cluster without a name":
        made.static_resources.clusters[-1].name = ""
    elif sent == "no address":
        made.static_resources.listeners[-1].ClearField("address")
        made.static_resources.listeners[-1].ClearField("additional_addresses")
    else:
        made.cluster_manager.local_cluster_name = "no_cluster"
    assert said in refusal(envoy, made.SerializeToString(), tmp_path)
