"""`book`: a fresh transcript in each of the two protocols."""

from __future__ import annotations

import pytest

from miniistiod.xds.delta import DeltaSession
from miniistiod.xds.memo import Memo
from miniistiod.xds.sotw import SotwSession
from tests.xds.playbook import Playbook


@pytest.fixture(params=[SotwSession, DeltaSession], ids=["sotw", "delta"])
def book(request):
    return Playbook(request.param(Memo("s-")))


@pytest.fixture
def sotw():
    return Playbook(SotwSession(Memo("s-")))


@pytest.fixture
def delta():
    return Playbook(DeltaSession(Memo("s-")))
