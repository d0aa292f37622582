"""Tests on real Envoys: start a lab, change its configuration, send requests, see what arrived where.

pytestmark = pytest.mark.lab("bookinfo")

def test_all_to_v1(lab):
    with lab.rules(ALL_TO_V1):
        replies = lab.client.send("http://reviews:9080/reviews/0", count=50)
    assert {reply.json()["version"] for reply in replies} == {"v1"}
"""
