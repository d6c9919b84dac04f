"""axe-core in a page of the browser: what keeps people from using it. See ``tests/axe.lock``."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from chromium import Page

SERIOUS = ("serious", "critical")
_RUN = """axe.run().then(found => JSON.stringify(found.violations.flatMap(rule =>
    rule.nodes.map(node => [rule.impact, rule.id, node.target.flat().join(" "),
                            node.failureSummary]))))"""


def violations(page: Page) -> list[tuple[str, str, str, str]]:
    """Return (impact, rule, selector, words) of each element that breaks a rule."""
    page.ask(f"{_script()};1")
    answer: Any = page.call(
        "Runtime.evaluate", expression=_RUN, awaitPromise=True, returnByValue=True
    )
    assert "exceptionDetails" not in answer, answer
    return [tuple(one) for one in json.loads(answer["result"]["value"])]


def serious(page: Page) -> list[tuple[str, str, str, str]]:
    """Return the violations that keep somebody from reading or using the page."""
    return [one for one in violations(page) if one[0] in SERIOUS]


def _script() -> str:
    found = find_spec("axe_playwright_python")  # not imported: that needs Playwright
    if found is None or not found.submodule_search_locations:
        pytest.skip("no axe-core: make environment")
    return (Path(found.submodule_search_locations[0]) / "axe.min.js").read_text(encoding="utf-8")
