"""`apply`, `delete`, `get` as a kubectl user types them, on the config directory of a lab at rest."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from miniistiod.cli import main
from miniistiod.lab.state import State

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
EXERCISES = CONFIGS / "exercises"
RULE = (EXERCISES / "03-canary" / "reviews.yaml").read_text()


class Shell:
    """Runs `miniistiod` on one lab."""

    def __init__(self, state: Path) -> None:
        self.state = state

    def __call__(self, *words: str, given: str = "") -> Result:
        environment = {"MINIISTIOD_LAB_STATE": str(self.state)}
        return CliRunner().invoke(main, list(words), input=given, env=environment)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    State(tmp_path).made()
    return Shell(tmp_path)


def test_without_a_lab_it_says_how_to_start_one(tmp_path: Path) -> None:
    result = Shell(tmp_path / "none")("get", "vs")
    assert (result.exit_code, "miniistiod lab up" in result.output) == (1, True)


def test_apply_a_file_standard_input_and_a_folder(shell: Shell) -> None:
    assert (
        shell("apply", "-f", "-", given=RULE).stdout == "virtualservice.networking.istio.io/reviews created\n"
    )
    assert shell("apply", "-f", str(EXERCISES / "03-canary")).stdout.endswith("reviews unchanged\n")
    assert shell("apply", "-f", str(EXERCISES / "02-all-to-v1" / "reviews.yaml")).stdout.endswith(
        "configured\n"
    )


def test_a_misspelt_field_is_told_with_its_place_and_nothing_is_written(shell: Shell) -> None:
    result = shell("apply", "-f", "-", given=RULE.replace("weight: 80", "wieght: 80"))
    assert result.exit_code == 1
    assert "standard input:14:" in result.stderr
    assert "did you mean weight?" in result.stderr
    assert shell("get", "vs").stderr == "No resources found.\n"


def test_apply_says_what_does_not_fit_to_the_rest_of_the_lab(shell: Shell) -> None:
    shell("apply", "-f", str(CONFIGS / "bookinfo"))
    result = shell("apply", "-f", str(EXERCISES / "08-missing-subset"))
    assert result.exit_code == 0
    assert "subset v9" in result.stderr
    assert "IST0101" in result.stderr


def test_get_knows_kubectls_names_of_a_kind_and_its_columns(shell: Shell) -> None:
    shell("apply", "-f", "-", given=RULE)
    tables = {
        shell("get", word).stdout for word in ("virtualservices", "virtualservice", "vs", "VirtualService")
    }
    (table,) = tables
    head, row = table.splitlines()
    assert head.split() == ["NAME", "GATEWAYS", "HOSTS", "AGE"]
    assert row.split()[:2] == ["reviews", '["reviews"]']


def test_get_as_yaml_can_be_applied_again(shell: Shell) -> None:
    shell("apply", "-f", "-", given=RULE)
    text = shell("get", "vs", "reviews", "-o", "yaml").stdout
    assert yaml.safe_load(text)["spec"] == yaml.safe_load(RULE)["spec"]
    assert shell("apply", "-f", "-", given=text).stdout.endswith("unchanged\n")


def test_get_respects_namespaces(shell: Shell) -> None:
    shell("apply", "-n", "shop", "-f", "-", given=RULE)
    assert shell("get", "vs").stdout == ""
    assert "reviews" in shell("get", "vs", "-n", "shop").stdout
    assert shell("get", "vs", "-A", "-o", "name").stdout == "virtualservice.networking.istio.io/reviews\n"


def test_delete_by_file_by_name_and_by_both_words_at_once(shell: Shell) -> None:
    for words in (("-f", "-"), ("vs", "reviews"), ("virtualservice/reviews",)):
        shell("apply", "-f", "-", given=RULE)
        result = shell("delete", *words, given=RULE)
        assert (result.exit_code, result.stdout) == (
            0,
            "virtualservice.networking.istio.io 'reviews' deleted\n",
        )
    assert shell("delete", "vs", "reviews").exit_code == 1


@pytest.mark.parametrize(
    "words", [("get", "nonsense"), ("delete",), ("delete", "vs"), ("apply",), ("get", "vs", "x")]
)
def test_what_makes_no_sense_fails(shell: Shell, words: tuple[str, ...]) -> None:
    assert shell(*words).exit_code != 0


def test_status_and_exec_of_a_lab_that_does_not_run_say_so(shell: Shell) -> None:
    for words in (("lab", "status"), ("lab", "exec", "client", "ls"), ("lab", "logs", "client")):
        result = shell(*words)
        assert result.exit_code == 1
        assert result.stderr.startswith("Error: ")


def test_get_shows_the_status_that_istiod_would_write(shell: Shell) -> None:
    shell("apply", "-f", str(CONFIGS / "gateway-api"))
    shell("apply", "-f", str(CONFIGS / "gateway-api" / "exercises" / "01-route"))
    given = yaml.safe_load(shell("get", "httproute", "httpbin", "-o", "yaml").stdout)
    (parent,) = given["status"]["parents"]
    assert parent["parentRef"] == {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "front"}
    told = {each["type"]: (each["status"], each["reason"]) for each in parent["conditions"]}
    assert told == {"Accepted": ("True", "Accepted"), "ResolvedRefs": ("False", "BackendNotFound")}
    assert "status" not in yaml.safe_load(shell("get", "service", "front-istio", "-o", "yaml").stdout)


def test_routes_tells_which_rule_takes_a_request_and_where_it_stands(shell: Shell) -> None:
    shell("apply", "-f", str(CONFIGS / "httpbin"))
    shell("apply", "-f", str(CONFIGS / "gateways"))
    shell("apply", "-f", str(CONFIGS / "gateways" / "exercises" / "01-http"))
    said = shell("routes", "httpbin.example.com", "/delay/1", "--gateway", "httpbin").stdout.splitlines()
    assert said[0] == "to httpbin.default.svc.cluster.local:8000"
    assert said[1] == "  by VirtualService default/httpbin spec.http[0].match[1]"
    assert said[2].strip().startswith(f"{shell.state}/config/default/virtualservice-httpbin.yaml:")
    assert "the path is /delay/1, not prefix /status" in said[-1]
    for header in ("x-a: b", "x-a=b"):
        assert (
            shell("routes", "httpbin.example.com", "/delay/1", "--gateway", "httpbin", "-H", header).exit_code
            == 0
        )
    lost = shell("routes", "httpbin.example.com", "/", "--gateway", "nobody")
    assert (lost.exit_code, "default/httpbin" in lost.stderr) == (1, True)
    unclear = shell("routes", "httpbin.example.com")
    assert (unclear.exit_code, "--gateway" in unclear.stderr) == (2, True)


TWO_GATEWAYS = """
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: front, namespace: default}
spec: {selector: {app: front}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: front, namespace: default}
spec: {gatewayClassName: istio, listeners: [{name: http, port: 80, protocol: HTTP}]}
"""
OWN, KUBERNETES = "gateway.networking.istio.io", "gateway.gateway.networking.k8s.io"


@pytest.mark.parametrize(
    ("word", "kinds"),
    [
        ("gateways", [OWN, KUBERNETES]),
        ("gateway", [OWN, KUBERNETES]),
        ("gw", [OWN]),
        ("gtw", [KUBERNETES]),
        ("gateways.networking.istio.io", [OWN]),
        ("gateway.v1beta1.networking.istio.io", [OWN]),
        ("gateways.gateway.networking.k8s.io", [KUBERNETES]),
        ("gtw/front", [KUBERNETES]),
    ],
)
def test_gateways_of_both_apis_have_one_name_and_two_words(shell: Shell, word: str, kinds: list[str]) -> None:
    assert shell("apply", "-f", "-", given=TWO_GATEWAYS).stdout.splitlines() == [
        f"{OWN}/front created",
        f"{KUBERNETES}/front created",
    ]
    assert shell("get", word, "-o", "name").stdout.splitlines() == [f"{kind}/front" for kind in kinds]


def test_of_two_gateways_the_one_meant_is_deleted(shell: Shell) -> None:
    shell("apply", "-f", "-", given=TWO_GATEWAYS)
    unclear = shell("delete", "gateway", "front")
    assert (unclear.exit_code, "gateways.gateway.networking.k8s.io" in unclear.stderr) == (2, True)
    assert shell("delete", "gw", "front").stdout == f"{OWN} 'front' deleted\n"
    assert shell("get", "gateways", "-o", "name").stdout == f"{KUBERNETES}/front\n"
    assert shell("delete", "gateway", "front").stdout == f"{KUBERNETES} 'front' deleted\n"


def test_gateway_api_objects_are_listed_with_kubectls_columns(shell: Shell) -> None:
    shell("apply", "-f", str(CONFIGS / "gateway-api"))
    shell("apply", "-f", str(CONFIGS / "gateway-api" / "exercises" / "01-route"))
    heads = {word: shell("get", word).stdout.splitlines()[0].split() for word in ("gtw", "gc", "httproutes")}
    assert heads == {
        "gtw": ["NAME", "CLASS", "ADDRESS", "PROGRAMMED", "AGE"],
        "gc": ["NAME", "CONTROLLER", "ACCEPTED", "AGE"],
        "httproutes": ["NAME", "HOSTNAMES", "AGE"],
    }
    assert shell("get", "gtw").stdout.splitlines()[1].split()[:3] == ["front", "istio", "False"]


@pytest.mark.parametrize(
    ("kind", "way_out"), [("GRPCRoute", "HTTPRoute"), ("TCPRoute", "`tcp`"), ("TLSRoute", "`tls`")]
)
def test_who_writes_a_route_without_effect_is_told_wherever_they_look(
    shell: Shell, tmp_path: Path, kind: str, way_out: str
) -> None:
    file = tmp_path / "route.yaml"
    file.write_text(
        f"{{apiVersion: gateway.networking.k8s.io/v1, kind: {kind}, metadata: {{name: r}}, "
        "spec: {parentRefs: [{name: front}], rules: [{backendRefs: [{name: web, port: 80}]}]}}"
    )
    shell("apply", "-f", str(CONFIGS / "gateway-api"))
    for words in (("validate", "-f"), ("analyze",), ("apply", "-f")):
        said = shell(*words, str(file))
        text = said.stdout + said.stderr
        assert (f"{kind} has no effect here" in text, way_out in text) == (True, True), words
    (parent,) = yaml.safe_load(shell("get", kind, "r", "-o", "yaml").stdout)["status"]["parents"]
    (accepted,) = parent["conditions"]
    assert (accepted["status"], accepted["reason"]) == ("False", "NotSupported")
    assert way_out in accepted["message"]


def test_an_oddity_is_told_at_the_place_in_the_file_that_was_given(shell: Shell) -> None:
    shell("apply", "-f", str(CONFIGS / "bookinfo"))
    file = EXERCISES / "08-missing-subset" / "reviews.yaml"
    assert f"{file}:14:17: Error [IST0101]" in shell("apply", "-f", str(file)).stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("apply", "-f", "{folder}"), "no file that ends with .yaml"),
        (("apply", "-f", "{folder}/empty.yaml"), "there is no object in"),
        (("apply", "-f", "{folder}/nowhere"), "no file or folder"),
        (("apply", "{folder}/empty.yaml"), "give files and folders by -f: miniistiod apply -f "),
        (("apply",), "miniistiod apply -f FILE"),
        (("delete", "-f", "{folder}/broken.yaml.txt"), "broken.yaml.txt is not YAML"),
        (("get", "virtualservic"), "did you mean virtualservices?"),
    ],
)
def test_a_mistake_is_answered_with_the_way_out(
    shell: Shell, tmp_path: Path, words: tuple[str, ...], told: str
) -> None:
    folder = tmp_path / "given"
    folder.mkdir()
    if "{folder}" not in words:
        (folder / "empty.yaml").write_text("# nothing yet\n")
        (folder / "broken.yaml.txt").write_text("a: [")
    result = shell(*(word.format(folder=folder) for word in words))
    assert result.exit_code in (1, 2)
    assert told in result.stderr


@pytest.mark.parametrize("name", ["My_Rule", "../../up"])
def test_a_name_that_kubernetes_refuses_is_not_written(shell: Shell, tmp_path: Path, name: str) -> None:
    result = shell("apply", "-f", "-", given=RULE.replace("name: reviews", f"name: {name}", 1))
    assert (result.exit_code, "wrong-name" in result.stderr) == (1, True)
    assert list(tmp_path.rglob("*.yaml")) == []


def test_get_all_shows_every_kind(shell: Shell) -> None:
    shell("apply", "-f", str(CONFIGS / "bookinfo"))
    shown = shell("get", "all").stdout
    for each in (
        "service/reviews",
        "deployment.apps/reviews-v1",
        "virtualservice.networking.istio.io/bookinfo",
    ):
        assert each in shown
