"""What the unit tests share: a server that answers as the API server does, and no deadlines.

Property tests judge what is computed, not how fast: a busy machine may be slow at an example.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_server import FakeServer
from hypothesis import settings

from daemonset_course.cluster.api import Api

settings.register_profile("course", deadline=None)
settings.load_profile("course")


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as fake:
        yield fake


@pytest.fixture
def api(server: FakeServer, tmp_path: Path) -> Api:
    return Api(server.kubeconfig(tmp_path))
