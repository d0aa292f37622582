"""The lab's exercises on real Envoys: what configs/exercises promise is what requests get."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from integration.traffic.rules import likely
from miniistiod.cli import main
from miniistiod.testing.live import CONFIGS, LiveLab
from miniistiod.testing.traffic import Reply

pytestmark = pytest.mark.lab("bookinfo", "httpbin")

EXERCISES = CONFIGS / "exercises"
SUBSETS = EXERCISES / "01-subsets"
REVIEWS = "http://reviews:9080/reviews/0"
RATINGS = "http://ratings:9080/ratings/0"


def versions(replies: list[Reply]) -> list[str]:
    return [reply.json()["version"] for reply in replies]


def command(lab: LiveLab, *words: str) -> str:
    """What `miniistiod` prints when it is asked about this lab."""
    environment = {"MINIISTIOD_LAB_STATE": str(lab.state.folder)}
    done = CliRunner().invoke(main, list(words), env=environment)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_a_all_traffic_goes_to_v1_and_no_page_has_stars(lab: LiveLab) -> None:
    with lab.rules(SUBSETS, EXERCISES / "02-all-to-v1"):
        pages = [lab.page() for _ in range(50)]
    assert {page.status_code for page in pages} == {200}
    assert all("glyphicon-star" not in page.text and 'reviews-version">v1<' in page.text for page in pages)


def test_without_rules_all_three_versions_are_seen_with_their_stars(lab: LiveLab) -> None:
    pages = [lab.page().text for _ in range(60)]
    assert any("glyphicon-star" not in page for page in pages)
    assert any('glyphicon-star black"' in page for page in pages)
    assert any('glyphicon-star red"' in page for page in pages)


def test_b_a_canary_of_20_percent_gets_20_percent(lab: LiveLab) -> None:
    with lab.rules(SUBSETS, EXERCISES / "03-canary"):
        seen = versions(lab.client.send(REVIEWS, count=1000, concurrency=4))
    assert set(seen) == {"v1", "v2"}
    assert likely(seen.count("v2"), 1000, 0.2), seen.count("v2")


def test_c_jason_sees_v2_and_others_v1(lab: LiveLab) -> None:
    with lab.rules(SUBSETS, EXERCISES / "04-by-user"):
        jason = [lab.page(user="jason").text for _ in range(10)]
        others = [lab.page(user=user).text for user in ("", "jasper", "Jason") for _ in range(5)]
    assert all('glyphicon-star black"' in page for page in jason)
    assert all("glyphicon-star" not in page for page in others)


def test_d_a_delay_of_3_seconds_is_seen_in_the_pages_time(lab: LiveLab) -> None:
    """Once in the page of one who sees stars, as the access log tells too; a busy machine adds to it."""
    log = lab.access_log("reviews-v2")
    with lab.rules(SUBSETS, EXERCISES / "04-by-user", EXERCISES / "05-delay"):
        slow, quick = lab.page(user="jason"), lab.page()
        delayed = log.entry("/ratings/0")
    assert slow.elapsed.total_seconds() >= 3.0
    assert 'glyphicon-star black"' in slow.text
    assert 'reviews-version">v1<' in quick.text
    assert [entry["flags"] for entry in log.entries() if entry["path"] == "/ratings/0"] == ["DI"]
    assert delayed["cluster"] == "outbound|9080||ratings.default.svc.cluster.local"


def test_d_an_abort_of_50_percent_fails_half_of_the_requests(lab: LiveLab) -> None:
    log = lab.access_log("client")
    with lab.rules(EXERCISES / "06-abort"):
        statuses = [reply.status for reply in lab.client.send(RATINGS, count=400, concurrency=4)]
    assert set(statuses) == {200, 500}
    assert likely(statuses.count(500), 400, 0.5), statuses.count(500)
    flags = {entry["flags"] for entry in log.awaited(400) if entry["status"] == "500"}
    assert flags == {"FI"}


def test_e_a_circuit_breaker_refuses_what_comes_on_top(lab: LiveLab) -> None:
    with lab.rules(EXERCISES / "07-circuit-breaker"):
        alone = lab.client.send(REVIEWS, count=30, keep_alive=False)
        log = lab.access_log("client")
        crowd = lab.client.send(REVIEWS, count=30, concurrency=3)
        refused = [entry for entry in log.awaited(30) if entry["status"] == "503"]
    assert {reply.status for reply in alone} == {200}
    assert {reply.status for reply in crowd} == {200, 503}
    assert {entry["flags"] for entry in refused} == {"UO"}


def max_requests(lab: LiveLab) -> dict[str, str]:
    """max_requests of the clusters of reviews in the client's Envoy, by subset; "" is the whole service."""
    pattern = re.compile(
        r"outbound\|9080\|(\w*)\|reviews\.default\S+?::default_priority::max_requests::(\d+)"
    )
    return dict(pattern.findall(lab.proxy("client", "/clusters")))


def test_f_a_second_destination_rule_gives_its_policy_to_a_first_that_has_none(lab: LiveLab) -> None:
    with lab.rules(SUBSETS, EXERCISES / "02-all-to-v1"):
        with lab.rules(EXERCISES / "07-circuit-breaker"):
            replies = lab.client.send(REVIEWS, count=30, concurrency=3)
            assert max_requests(lab) == {"": "1", "v1": "1", "v2": "1", "v3": "1"}
        assert set(max_requests(lab).values()) == {"4294967295"}
    assert {reply.status for reply in replies} == {200, 503}
    assert set(versions([reply for reply in replies if reply.status == 200])) == {"v1"}


def test_f_a_second_destination_rule_does_not_change_the_policy_of_a_first_that_has_one(lab: LiveLab) -> None:
    first = (SUBSETS / "destination-rules.yaml").read_text()
    policy = "  trafficPolicy:\n    connectionPool:\n      http:\n        http2MaxRequests: 7\n"
    with lab.rules(first + policy), lab.rules(EXERCISES / "07-circuit-breaker"):
        assert max_requests(lab) == {"": "7", "v1": "7", "v2": "7", "v3": "7"}


def test_g_a_subset_nobody_defines_gives_503_and_the_reason_can_be_read(lab: LiveLab) -> None:
    with lab.rules(EXERCISES / "08-missing-subset"):
        log = lab.access_log("client")
        (reply,) = lab.client.send(REVIEWS)
        (entry,) = log.awaited(1)
        routes = command(lab, "proxy-config", "routes", "client", "-o", "json")
        table = command(lab, "proxy-config", "routes", "client")
        names = command(lab, "proxy-config", "clusters", "client", "-o", "json")
        said = lab.pages.get("/debug/diagnostics").json()
    assert (reply.status, entry["flags"]) == (503, "NC")
    assert "outbound|9080|v9|reviews.default.svc.cluster.local" in routes
    assert "outbound|9080|v9|reviews.default.svc.cluster.local (no such cluster: 503 NC)" in table
    assert "outbound|9080||reviews" in names
    assert "outbound|9080|v9|" not in names
    assert any("v9" in str(diagnostic) for diagnostic in said)


def test_h_a_failing_service_is_asked_again_and_every_try_counts_at_the_server(lab: LiveLab) -> None:
    httpbin = lab.app("httpbin")
    with lab.rules(EXERCISES / "09-retries"):
        httpbin.clear()
        (failing,) = lab.client.send("http://httpbin:8000/status/503")
        tries = httpbin.count
        httpbin.clear()
        (saved,) = lab.client.send("http://httpbin:8000/flaky/exercise/2")
    assert (failing.status, tries) == (503, 4)
    assert (saved.status, saved.json()) == (200, {"request": 3})
    assert [request["status"] for request in httpbin.requests] == [503, 503, 200]


def test_h_without_a_rule_a_reply_of_503_is_not_asked_for_again(lab: LiveLab) -> None:
    """Istio's own two retries are for connections that fail: a 503 may already have done its work."""
    httpbin = lab.app("httpbin")
    httpbin.clear()
    (reply,) = lab.client.send("http://httpbin:8000/status/503")
    assert (reply.status, httpbin.count) == (503, 1)


def test_h_a_hanging_service_is_given_up_after_the_timeout(lab: LiveLab) -> None:
    httpbin = lab.app("httpbin")
    with lab.rules(EXERCISES / "09-retries"):
        httpbin.clear()
        log = lab.access_log("client")
        (hanging,) = lab.client.send("http://httpbin:8000/delay/5")
        (entry,) = log.awaited(1)
        httpbin.awaited(1)
    assert (hanging.status, entry["flags"]) == (504, "UT")
    assert hanging.seconds >= 0.5
    assert httpbin.count == 1


def test_i_no_change_loses_a_request_under_way(lab: LiveLab) -> None:
    steps = ("02-all-to-v1", "03-canary", "04-by-user", "03-canary", "02-all-to-v1", "03-canary")
    with (
        lab.rules(SUBSETS, EXERCISES / "02-all-to-v1"),
        lab.client.loop(REVIEWS) as mesh,
        lab.client.loop("http://productpage:9080/productpage") as pages,
    ):
        for step in steps:
            lab.apply(EXERCISES / step)
            mesh.more(20)
            pages.more(5)
    assert len(mesh.replies) >= 20 * len(steps)
    assert [reply for reply in mesh.replies + pages.replies if reply.status != 200] == []
    assert set(versions(mesh.replies)) == {"v1", "v2"}


def test_j_a_server_sees_the_clients_spiffe_identity(lab: LiveLab) -> None:
    ratings, details = lab.app("ratings-v1"), lab.app("details-v1")
    ratings.clear()
    details.clear()
    lab.client.send(RATINGS)
    lab.page()
    identities = {
        "client": ratings.requests[0]["headers"]["x-forwarded-client-cert"],
        "productpage": details.requests[-1]["headers"]["x-forwarded-client-cert"],
    }
    for account, seen in (
        ("client", identities["client"]),
        ("bookinfo-productpage", identities["productpage"]),
    ):
        assert f"URI=spiffe://cluster.local/ns/default/sa/{account}" in seen.split(",")[-1].split(";")
    assert "By=spiffe://cluster.local/ns/default/sa/bookinfo-ratings" in identities["client"].split(";")


def test_every_exercise_is_known_here() -> None:
    text = Path(__file__).read_text()
    assert all(folder.name in text for folder in EXERCISES.iterdir())
