"""Delegation: which of a delegate's rules stay under a root's rule, and what they take from it."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict, ParseDict

from miniistiod.api.istio.networking.virtual_service_pb2 import HTTPRoute
from miniistiod.mesh.delegates import delegated


def rules(root: dict[str, Any], *delegates: dict[str, Any]) -> list[dict[str, Any]]:
    parsed = [ParseDict(each, HTTPRoute()) for each in delegates]
    return [MessageToDict(each) for each in delegated(ParseDict(root, HTTPRoute()), parsed)]


def test_what_the_rule_does_not_say_comes_from_the_root() -> None:
    root = {
        "name": "root",
        "timeout": "5s",
        "retries": {"attempts": 3},
        "mirrors": [{"destination": {"host": "m"}}],
    }
    (merged,) = rules(root, {"name": "leaf", "timeout": "2s"})
    assert merged == {
        "name": "root-leaf",
        "timeout": "2s",
        "retries": {"attempts": 3},
        "mirrors": [{"destination": {"host": "m"}}],
    }


def test_a_redirect_is_not_taken_from_the_root() -> None:
    assert rules({"redirect": {"uri": "/"}}, {"name": "leaf"}) == [{"name": "leaf"}]


def test_matches_are_joined_for_each_root_they_go_with() -> None:
    root = {
        "match": [
            {"name": "a", "uri": {"prefix": "/a"}, "headers": {"x": {"exact": "1"}}, "port": 80},
            {"name": "b", "uri": {"prefix": "/b"}},
        ]
    }
    (merged,) = rules(
        root, {"match": [{"name": "one", "uri": {"prefix": "/a/1"}, "sourceLabels": {"app": "web"}}]}
    )
    assert merged["match"] == [
        {
            "name": "a-one",
            "uri": {"prefix": "/a/1"},
            "headers": {"x": {"exact": "1"}},
            "port": 80,
            "sourceLabels": {"app": "web"},
        }
    ]


def test_one_side_without_matches_takes_the_others() -> None:
    assert rules({"match": [{"port": 80}]}, {"name": "n"}) == [{"name": "n", "match": [{"port": 80}]}]
    assert rules({"name": "n"}, {"match": [{"port": 80}]}) == [{"name": "n", "match": [{"port": 80}]}]


@pytest.mark.parametrize(
    ("root", "leaf"),
    [
        ({"uri": {"prefix": "/a"}}, {"uri": {"prefix": "/b"}}),
        ({"uri": {"prefix": "/a/b"}}, {"uri": {"prefix": "/a"}}),
        ({"uri": {"exact": "/a"}}, {"uri": {"prefix": "/a"}}),
        ({"uri": {"exact": "/a"}}, {"uri": {"exact": "/b"}}),
        ({"uri": {"regex": "/a.*"}}, {"uri": {"exact": "/a"}}),
        ({"uri": {"prefix": "/a"}}, {"uri": {"regex": "/a.*"}}),
        ({"headers": {"x": {"exact": "1"}}}, {"headers": {"x": {"exact": "2"}}}),
        ({"withoutHeaders": {"x": {}}}, {"withoutHeaders": {"x": {}}}),
        ({"queryParams": {"q": {"exact": "1"}}}, {"queryParams": {"q": {"prefix": "1"}}}),
        ({"ignoreUriCase": True}, {}),
        ({"port": 80}, {"port": 81}),
        ({"sourceNamespace": "a"}, {}),
        ({"sourceLabels": {"app": "a"}}, {"sourceLabels": {"app": "b"}}),
        ({"gateways": ["a"]}, {"gateways": ["b"]}),
        ({"gateways": ["a"]}, {"gateways": ["a", "b"]}),
    ],
)
def test_a_rule_outside_of_the_root_is_dropped(root: dict[str, Any], leaf: dict[str, Any]) -> None:
    assert rules({"match": [root]}, {"match": [leaf], "name": "kept?"}) == []


@pytest.mark.parametrize(
    ("root", "leaf"),
    [
        ({"uri": {"prefix": "/a"}}, {"uri": {"exact": "/a/b"}}),
        ({"uri": {"exact": "/a"}}, {"uri": {"exact": "/a"}}),
        ({"method": {"exact": "GET"}}, {"uri": {"regex": ".*"}}),
        ({"port": 80}, {}),
        ({"gateways": ["a", "b"]}, {"gateways": ["b"]}),
        ({"sourceLabels": {"app": "a"}}, {"sourceLabels": {"version": "b"}}),
    ],
)
def test_a_rule_inside_of_the_root_stays(root: dict[str, Any], leaf: dict[str, Any]) -> None:
    assert len(rules({"match": [root]}, {"match": [leaf]})) == 1
