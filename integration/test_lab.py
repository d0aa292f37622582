"""The lab itself: it starts once, mends itself, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from miniistiod.lab import machine
from miniistiod.lab.outside import OutsideLab
from miniistiod.lab.state import State
from miniistiod.testing.live import CONFIGS, described

pytestmark = pytest.mark.skipif(
    machine.namespaces().level != "ok", reason=f"no namespaces: {machine.namespaces().how}"
)

CLIENT = "http://httpbin:8000/hostname"


@pytest.fixture(scope="module")
def outside() -> Iterator[OutsideLab]:
    """A small lab, started by the module's first test and ended by its last."""
    folder = Path(tempfile.mkdtemp(prefix="miniistiod-"))
    made = OutsideLab(State(folder))
    made.apply(described([CONFIGS / "httpbin"]))
    made.start(fixed_ports=False)
    yield made
    made.remove()
    assert not folder.exists()


def answer(lab: OutsideLab, workload: str = "client", url: str = CLIENT) -> str:
    """What curl inside a workload gets, status first."""
    command = lab.entrance(workload, ["curl", "-s", "-m", "60", "-w", "%{http_code}", url])
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def eventually(true: Callable[[], bool], seconds: float = 60.0) -> bool:
    """Whether it becomes true in time."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def processes_of(lab: OutsideLab) -> list[int]:
    """Every process that runs in the lab's process namespace."""
    pid = lab.state.told()["pid"]
    own = os.stat(f"/proc/{pid}/ns/pid").st_ino
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if (entry / "ns" / "pid").stat().st_ino == own:
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def child(lab: OutsideLab, pattern: str) -> int:
    """The process of the lab whose command line has this in it."""
    for pid in processes_of(lab):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        if re.search(pattern, words):
            return pid
    raise AssertionError(f"no process {pattern!r}")


def test_a_second_start_changes_nothing(outside: OutsideLab) -> None:
    before = sorted(processes_of(outside))
    outside.start(fixed_ports=False)
    assert sorted(processes_of(outside)) == before
    assert answer(outside) == '{"hostname":"httpbin"}200'


@pytest.mark.parametrize(
    "part", ["serve --config", r"bin/envoy.*httpbin", r"apps httpbin", r"sleep infinity"]
)
def test_a_part_that_dies_is_started_again(outside: OutsideLab, part: str) -> None:
    victim = child(outside, part)
    os.kill(victim, signal.SIGKILL)
    assert eventually(lambda: not Path(f"/proc/{victim}").exists())
    outside.start(fixed_ports=False)
    assert eventually(lambda: answer(outside) == '{"hostname":"httpbin"}200')
    assert victim not in processes_of(outside)


def test_requests_go_on_while_the_control_plane_is_away(outside: OutsideLab) -> None:
    plane = child(outside, "serve --config")
    os.kill(plane, signal.SIGSTOP)
    try:
        assert answer(outside) == '{"hostname":"httpbin"}200'
    finally:
        os.kill(plane, signal.SIGCONT)


def test_a_killed_supervisor_takes_all_with_it_and_up_starts_anew(outside: OutsideLab) -> None:
    everything = processes_of(outside)
    assert len(everything) >= 8
    os.kill(outside.state.told()["pid"], signal.SIGKILL)
    assert eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in everything))
    outside.start(fixed_ports=False)
    assert eventually(lambda: answer(outside) == '{"hostname":"httpbin"}200')


def test_down_leaves_no_process_and_no_network_behind(outside: OutsideLab) -> None:
    links = subprocess.run(["ip", "-br", "link"], capture_output=True, text=True, check=True).stdout
    assert "mesh0" not in links
    everything = processes_of(outside)
    assert outside.stop()
    assert not any(Path(f"/proc/{pid}").exists() for pid in everything)
    assert not outside.stop()
    outside.start(fixed_ports=False)


def test_a_workload_applied_to_a_running_lab_starts_and_a_deleted_one_ends(outside: OutsideLab) -> None:
    documents = [d for d in described([CONFIGS / "httpbin"]) if d["metadata"]["name"] == "httpbin"]
    second = json.loads(
        json.dumps(documents).replace('"httpbin"', '"httpbin2"').replace('["httpbin2"]', '["httpbin"]')
    )
    outside.apply(second)
    outside.start(fixed_ports=False)
    assert eventually(
        lambda: answer(outside, url="http://httpbin2:8000/hostname") == '{"hostname":"httpbin2"}200'
    )
    outside.delete((d["kind"], d["metadata"]["name"], "default") for d in second)
    assert [pod["name"] for pod in outside.ask("status")["pods"]] == ["client", "httpbin"]
    assert answer(outside, url="http://httpbin2:8000/hostname").endswith("000")


def test_a_workload_without_sidecar_is_reached_and_reaches_others(outside: OutsideLab) -> None:
    documents = [
        d for d in described([CONFIGS / "httpbin"]) if d["metadata"]["name"] in ("httpbin", "client")
    ]
    legacy = json.loads(
        json.dumps(documents).replace('"httpbin"', '"legacy"').replace('["legacy"]', '["httpbin"]')
    )
    legacy = json.loads(
        json.dumps(legacy).replace('"client"', '"outsider"').replace('["outsider"]', '["client"]')
    )
    for document in legacy:
        if document["kind"] == "Deployment":
            document["spec"]["template"]["metadata"]["labels"]["sidecar.istio.io/inject"] = "false"
    outside.apply(legacy)
    outside.start(fixed_ports=False)
    try:
        assert eventually(
            lambda: answer(outside, url="http://legacy:8000/hostname") == '{"hostname":"legacy"}200'
        )
        assert answer(outside, "outsider") == '{"hostname":"httpbin"}200'
    finally:
        outside.delete((d["kind"], d["metadata"]["name"], "default") for d in legacy)


@pytest.fixture
def stranger() -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
    """`miniistiod` as an ordinary user: one who may not read our home, so with the system's own Python."""
    python = next((p for p in ("/usr/bin/python3", "/usr/local/bin/python3") if same_version(p)), None)
    if os.geteuid() != 0 or not shutil.which("setpriv") or python is None:
        pytest.skip(
            "needs root, setpriv and a Python of our version for everyone, to become an ordinary user"
        )
    home = Path(tempfile.mkdtemp(prefix="miniistiod-user-"))
    os.chown(home, 65534, 65534)
    packages = [path for path in sys.path if path.endswith(("site-packages", "/src"))]
    envoy = machine.envoy().how.rpartition(" ")[2]
    binary = next((str(p) for d in packages for p in [Path(d, "envoy/_bin/envoy")] if p.exists()), envoy)
    (home / "envoy").symlink_to(binary)
    environment = {"HOME": str(home), "PATH": f"{home}:/usr/bin:/bin", "PYTHONPATH": ":".join(packages)}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        become = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
        main = "from miniistiod.cli import main; main(prog_name='miniistiod')"
        return subprocess.run(
            [*become, python, "-B", "-c", main, *words],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    yield run
    run("lab", "down")
    shutil.rmtree(home)


def same_version(python: str) -> bool:
    """Whether this Python can load what is installed for ours."""
    ask = "import sys; print(*sys.version_info[:2])"
    said = (
        subprocess.run([python, "-c", ask], capture_output=True, text=True, check=False)
        if Path(python).exists()
        else None
    )
    return said is not None and said.stdout.split() == [str(n) for n in sys.version_info[:2]]


def test_an_ordinary_user_has_the_same_lab(stranger: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    up = stranger("lab", "up", str(CONFIGS / "bookinfo"), "--any-port")
    assert up.returncode == 0, up.stdout + up.stderr
    status = json.loads(stranger("lab", "status", "-o", "json").stdout)
    assert status["ready"]
    port = status["published"]["istio-ingressgateway.istio-system:80"]
    page = httpx.get(f"http://localhost:{port}/productpage", timeout=60)
    assert (page.status_code, "reviews-version" in page.text) == (200, True)
    rule = CONFIGS / "exercises"
    applied = stranger("apply", "-f", str(rule / "01-subsets"), "-f", str(rule / "02-all-to-v1"))
    assert applied.stdout.splitlines() == [
        "destinationrule.networking.istio.io/reviews created",
        "virtualservice.networking.istio.io/reviews created",
    ]
    inside = stranger("lab", "exec", "client", "--", "curl", "-s", "http://reviews:9080/reviews/0")
    assert json.loads(inside.stdout)["version"] in ("v1", "v2", "v3")
    assert stranger("lab", "down").stdout == "the lab has ended\n"
    assert stranger("lab", "status").returncode == 1
