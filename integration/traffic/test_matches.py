"""Which requests a match takes: each row is a match, requests that it takes, and requests that it leaves."""

from __future__ import annotations

from typing import Any

import pytest

from integration.traffic.rules import routes
from miniistiod.testing.live import LiveLab
from miniistiod.testing.traffic import Reply

pytestmark = pytest.mark.lab("traffic")

TAKEN, LEFT = 299, 298


def get(path: str = "/", port: int = 8000, host: str = "web", **order: Any) -> dict[str, Any]:
    return {"url": f"http://{host}:{port}{path}", **order}


def header(path: str = "/", **headers: str) -> dict[str, Any]:
    return get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})


Requests = list[dict[str, Any]]
ROWS: dict[str, tuple[str, Requests, Requests]] = {
    "uri exact": ("uri: {exact: /a}", [get("/a"), get("/a?b=c")], [get("/a/"), get("/ab"), get("/A")]),
    "uri prefix": (
        "uri: {prefix: /a}",
        [get("/a"), get("/ab"), get("/a/b?c")],
        [get("/"), get("/A"), get("/b/a")],
    ),
    "uri prefix of a folder": ("uri: {prefix: /a/}", [get("/a/"), get("/a/b")], [get("/a"), get("/ab/")]),
    "uri regex matches the whole path": (
        r"uri: {regex: '/a(/\d+)?'}",
        [get("/a"), get("/a/12"), get("/a/12?b")],
        [get("/a/b"), get("/a/12/"), get("/x/a")],
    ),
    "ignoreUriCase exact": (
        "{uri: {exact: /Ab}, ignoreUriCase: true}",
        [get("/ab"), get("/AB")],
        [get("/abc")],
    ),
    "ignoreUriCase prefix": (
        "{uri: {prefix: /Ab}, ignoreUriCase: true}",
        [get("/ab"), get("/ABc")],
        [get("/a")],
    ),
    "header exact": (
        "headers: {x-user: {exact: jason}}",
        [header(x_user="jason"), header(X_USER="jason")],
        [header(x_user="Jason"), header(x_user="jasonx"), get()],
    ),
    "header prefix": (
        "headers: {x-user: {prefix: ja}}",
        [header(x_user="jason"), header(x_user="ja")],
        [header(x_user="aja"), get()],
    ),
    "header regex matches the whole value": (
        "headers: {x-user: {regex: 'j.*n'}}",
        [header(x_user="jason"), header(x_user="jn")],
        [header(x_user="jason2"), header(x_user="ajason"), get()],
    ),
    "header presence": ("headers: {x-user: {}}", [header(x_user="a"), header(x_user="")], [get()]),
    "headers must all match": (
        "headers: {x-a: {exact: b}, x-c: {exact: d}}",
        [header(x_a="b", x_c="d")],
        [header(x_a="b"), header(x_c="d"), header(x_a="b", x_c="b")],
    ),
    "withoutHeaders exact": (
        "withoutHeaders: {x-user: {exact: jason}}",
        [get(), header(x_user="else")],
        [header(x_user="jason")],
    ),
    "withoutHeaders presence": ("withoutHeaders: {x-user: {}}", [get()], [header(x_user="anybody")]),
    "method exact": (
        "method: {exact: POST}",
        [get(method="POST", content="x")],
        [get(), get(method="PUT")],
    ),
    "method regex": (
        "method: {regex: 'P(U|OS)T'}",
        [get(method="POST"), get(method="PUT")],
        [get(method="PATCH"), get()],
    ),
    "authority exact": (
        "authority: {exact: 'web:8000'}",
        [get()],
        [header(host="web"), header(host="web.default")],
    ),
    "authority prefix": (
        "authority: {prefix: web.default}",
        [header(host="web.default:8000"), get(host="web.default")],
        [get()],
    ),
    "scheme": ("scheme: {exact: http}", [get()], []),
    "scheme of others": ("scheme: {exact: https}", [], [get()]),
    "query exact": (
        "queryParams: {user: {exact: jason}}",
        [get("/?user=jason"), get("/x?a=b&user=jason")],
        [get(), get("/?user=jason2"), get("/?User=jason")],
    ),
    "query regex": (
        "queryParams: {user: {regex: 'ja.*'}}",
        [get("/?user=ja"), get("/?user=jason")],
        [get("/?user=aja"), get("/?user=")],
    ),
    "query prefix": (
        "queryParams: {user: {prefix: ja}}",
        [get("/?user=ja"), get("/?user=jason")],
        [get("/?user=aja"), get()],
    ),
    "port": ("port: 8002", [get(port=8002)], [get()]),
    "sourceLabels": ("sourceLabels: {app: client}", [get()], []),
    "sourceLabels of others": ("sourceLabels: {app: somebody}", [], [get()]),
    "sourceNamespace": ("sourceNamespace: default", [get()], []),
    "sourceNamespace of others": ("sourceNamespace: other", [], [get()]),
    "all of a match must hold": (
        "{uri: {prefix: /a}, method: {exact: PUT}, headers: {x-b: {exact: c}}}",
        [get("/a", method="PUT", headers={"x-b": "c"})],
        [get("/a", method="PUT"), get("/a", headers={"x-b": "c"}), get("/b", method="PUT")],
    ),
}


def status(lab: LiveLab, order: dict[str, Any]) -> int:
    """The status of one request."""
    (reply,) = lab.client.send(**order)
    return reply.status


@pytest.mark.parametrize(("match", "taken", "left"), ROWS.values(), ids=ROWS)
def test_a_match_takes_what_it_says(lab: LiveLab, match: str, taken: Requests, left: Requests) -> None:
    rules = (
        f"- match:\n  - {match}\n  directResponse: {{status: {TAKEN}}}\n- directResponse: {{status: {LEFT}}}"
    )
    with lab.rules(routes(rules)):
        seen = [(order, status(lab, order)) for order in taken + left]
    assert [order for order, code in seen if code == TAKEN] == taken
    assert [order for order, code in seen if code == LEFT] == left


def answers(lab: LiveLab, rules: str, *paths: str) -> list[str]:
    """What these paths get under rules of direct responses."""
    with lab.rules(routes(rules)):
        replies: list[Reply] = [
            reply for path in paths for reply in lab.client.send(f"http://web:8000{path}")
        ]
    return [reply.body for reply in replies]


def answer(text: str, match: str = "") -> str:
    """A rule that answers with a text."""
    return (f"- match: [{match}]\n  " if match else "- ") + (
        f"directResponse: {{status: 200, body: {{string: {text}}}}}\n"
    )


def test_the_first_match_wins(lab: LiveLab) -> None:
    wide, narrow = answer("wide", "{uri: {prefix: /a}}"), answer("narrow", "{uri: {exact: /a/b}}")
    assert answers(lab, wide + narrow, "/a/b") == ["wide"]
    assert answers(lab, narrow + wide, "/a/b", "/a/c") == ["narrow", "wide"]


def test_several_matches_of_a_rule_are_alternatives(lab: LiveLab) -> None:
    rules = answer("either", "{uri: {exact: /a}}, {uri: {exact: /b}}") + answer("rest")
    assert answers(lab, rules, "/a", "/b", "/c") == ["either", "either", "rest"]


def test_a_request_that_nothing_matches_is_not_found(lab: LiveLab) -> None:
    log = lab.access_log("client")
    with lab.rules(routes(answer("a", "{uri: {exact: /a}}"))):
        (reply,) = lab.client.send("http://web:8000/b")
    (entry,) = log.awaited(1)
    assert (reply.status, entry["flags"]) == (404, "NR")


def test_source_labels_are_those_of_the_caller(lab: LiveLab) -> None:
    rules = answer("from other", "{sourceLabels: {app: caller}}") + answer("else")
    with lab.rules(routes(rules, host="web.default.svc.cluster.local", name="web")):
        (ours,) = lab.client.send("http://web:8000/")
        (theirs,) = lab.caller("caller", "other").send("http://web.default:8000/")
    assert (ours.body, theirs.body) == ("else", "from other")
