"""Every reference case, as a stock Envoy gets it, is accepted by real Envoys; and what those cases lack."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

import pytest

from miniistiod.config import of_text
from miniistiod.mesh.snapshot import snapshot
from miniistiod.proxy.node import proxy
from miniistiod.proxy.scope import ProxyScope
from tests.acceptance.conftest import OLDEST
from tests.acceptance.static_bootstrap import static_bootstrap
from tests.parity import nodes, ours, reference


@cache
def bootstraps(name: str) -> dict[str, bytes]:
    """{proxy: all that it is sent} of a case, as the bytes that Envoy reads."""
    return {
        proxy: static_bootstrap(scope).SerializeToString(deterministic=True)
        for proxy, scope in ours.scopes(name, stock=True).items()
    }


LACKING = Path(__file__).parents[1] / "support" / "cases"
MORE = ("extensions", "tracing-datadog", "tracing-skywalking", "tracing-zipkin")
"""Cases of our own with what no reference case has: other tracers, Lua, Wasm and what stands in for it."""


@cache
def more_bootstraps(name: str, minor: int) -> dict[str, bytes]:
    """The same of a case of our own, for an Envoy 1.MINOR. No file has a module, so each is fetched."""
    text = "\n---\n".join((LACKING / f"{each}.yaml").read_text() for each in ("world", name))
    text = text.replace("file:///", "https://wasm.example/")
    mesh, made = snapshot(of_text(text)), {}
    for key, pod in nodes.pods_of(text).items():
        node = nodes.node(pod, stock=True)
        node.user_agent_build_version.version.minor_number = minor
        bootstrap = static_bootstrap(ProxyScope(proxy(node), mesh))
        made[key] = bootstrap.SerializeToString(deterministic=True)
    return made


def refusal(envoy: str, bootstrap: bytes, folder: Path, *, newer: bool = False) -> str:
    """What Envoy says against a bootstrap; "" when it takes it. `newer`: with fields that an old Envoy does
    not know, which it passes over in what it is sent."""
    path = folder / "bootstrap.pb"
    path.write_bytes(bootstrap)
    command = [envoy, "--mode", "validate", "-c", str(path), "--log-level", "error", "--concurrency", "1"]
    command += ["--allow-unknown-static-fields"] if newer else []
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr if done.returncode else ""


@pytest.mark.parametrize("name", reference.names())
def test_case(name: str, envoy: str, tmp_path: Path) -> None:
    given = bootstraps(name)
    assert given
    assert {proxy: said for proxy, made in given.items() if (said := refusal(envoy, made, tmp_path))} == {}


@pytest.mark.parametrize("name", MORE)
def test_what_no_reference_case_has(name: str, envoy: str, tmp_path: Path) -> None:
    given = more_bootstraps(name, 36 if Path(envoy) == OLDEST else 40)
    assert given
    refused = {key: refusal(envoy, made, tmp_path, newer=True) for key, made in given.items()}
    assert {key: said for key, said in refused.items() if said} == {}


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
