"""The names by which a client calls a service, as in Istio's httproute_test.go and the reference."""

from __future__ import annotations

import pytest

from miniistiod.generate.route_domains import other_names


@pytest.mark.parametrize(
    ("host", "dns_domain", "expected"),
    [
        (
            "reviews.shop.svc.cluster.local",
            "shop.svc.cluster.local",
            ["reviews", "reviews.shop.svc", "reviews.shop"],
        ),
        ("reviews.shop.svc.cluster.local", "other.svc.cluster.local", ["reviews.shop", "reviews.shop.svc"]),
        ("reviews.shop.svc.cluster.local", "shop.svc.other.domain", []),
        ("example.com", "shop.svc.cluster.local", []),
        ("foo.svc.cluster.local", "shop.svc.cluster.local", []),
        ("foo.local.campus.net", "local.campus.net", ["foo"]),
        ("foo.local.campus.net", "remote.campus.net", ["foo.local", "foo.local.campus"]),
        ("foo.local.campus.net", "example.com", []),
        ("foo.local.campus.net", "", []),
    ],
)
def test_short_names(host: str, dns_domain: str, expected: list[str]) -> None:
    assert list(other_names(host, 0, dns_domain)) == [f"{host}.", *expected]


def test_each_name_also_with_its_port() -> None:
    names = list(other_names("reviews.shop.svc.cluster.local", 9080, "other.svc.cluster.local"))
    assert names == [
        "reviews.shop.svc.cluster.local.",
        "reviews.shop.svc.cluster.local.:9080",
        "reviews.shop",
        "reviews.shop:9080",
        "reviews.shop.svc",
        "reviews.shop.svc:9080",
    ]


def test_an_address_has_no_other_name() -> None:
    assert list(other_names("1.2.3.4", 0, "shop.svc.cluster.local")) == []
