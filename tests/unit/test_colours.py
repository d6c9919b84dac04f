"""The colours of the figures: in one table, seen on both pages, and by all readers."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from daemonset_course.figures.colours import (
    APPLICATIONS,
    DARK_PAGE,
    LIGHT_PAGE,
    MEANINGS,
    PALETTE,
    READABLE,
    TEMPLATES,
    VISIBLE,
    application_colours,
    blend,
    contrast,
    luminance,
    outline_share,
    rgb,
)
from daemonset_course.figures.pods import PHASES
from daemonset_course.figures.rollout.key import NODE_STATES
from daemonset_course.figures.theme import DARK, LIGHT, Theme

ROOT = Path(__file__).parents[2]
THEMES = pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
NAMES = [*MEANINGS, *(f"series {number}" for number in range(len(PALETTE)))]
LITERAL = re.compile(r"""["'](#[0-9A-Fa-f]{3}|#[0-9A-Fa-f]{6}|#[0-9A-Fa-f]{8})["']""")


def test_no_other_module_or_lesson_has_a_colour_of_its_own() -> None:
    table = ROOT / "src" / "daemonset_course" / "figures" / "colours.py"
    places = [*(ROOT / "src").rglob("*.py"), *(ROOT / "content").rglob("*.py")]
    found = {
        str(path.relative_to(ROOT)): hits
        for path in places
        if path != table and (hits := LITERAL.findall(path.read_text(encoding="utf-8")))
    }

    assert found == {}
    assert LITERAL.findall(table.read_text(encoding="utf-8"))


def test_the_style_sheet_has_the_colours_of_the_pages_and_a_border() -> None:
    data = ROOT / "src" / "daemonset_course" / "data"
    literals = re.findall(r"#[0-9a-f]{3,8}\b", (data / "timeline.css").read_text())
    inks = [page[i].lower() for page in (LIGHT_PAGE, DARK_PAGE) for i in (1, 0)]

    assert [one.replace("#fff", "#ffffff") for one in literals if one not in ("#d4d4d4", "#3a4048")
            ] == inks  # fmt: skip


@THEMES
@pytest.mark.parametrize("name", NAMES)
def test_words_and_outlines_stand_out_from_the_page(theme: Theme, name: str) -> None:
    page = rgb(theme.background)

    assert contrast(theme.text(name), page) >= READABLE
    assert contrast(theme.outline(name), page) >= VISIBLE


@THEMES
def test_inks_can_be_read_on_the_page_and_on_its_stripes(theme: Theme) -> None:
    for ink, ground in itertools.product((theme.foreground, theme.muted),
                                         (theme.background, theme.stripe)):  # fmt: skip
        assert contrast(rgb(ink), rgb(ground)) >= READABLE


@pytest.mark.parametrize("colour", [*PALETTE, *MEANINGS.values()])
@pytest.mark.parametrize(
    ("ground", "ink"), [("#FFFFFF", "#212121"), ("#111111", "#FFFFFF"), ("#14171C", "#ECECEC")]
)
def test_outlines_in_notebooks_stand_out_from_jupyterlab_s_pages(
    colour: str, ground: str, ink: str
) -> None:
    mixed = blend(rgb(colour), rgb(ink), outline_share(colour))

    assert contrast(mixed, rgb(ground)) >= VISIBLE


@pytest.mark.parametrize("colours", [PALETTE, [PALETTE[number] for number in TEMPLATES]])
def test_neighbours_differ_in_lightness(colours: Sequence[str]) -> None:
    for one, other in itertools.pairwise(colours):
        low, high = sorted((luminance(rgb(one)), luminance(rgb(other))))
        assert high >= 1.2 * low, (one, other)


def test_phases_and_states_of_nodes_differ_by_shape() -> None:
    shapes = [(s.hatch, s.height, s.fade == 1.0) for s in PHASES.values()]
    grounds = [(s.hatch, s.fade) for s in NODE_STATES.values()]

    assert len(set(shapes)) == len(PHASES)
    assert len(set(grounds)) == len(NODE_STATES)


def seen_without_green(colour: str) -> tuple[float, float, float]:
    """As a reader with deuteranopia sees it: Machado, Oliveira and Fernandes, 2009, severity 1."""
    red, green, blue = rgb(colour)
    return (
        0.367322 * red + 0.860646 * green - 0.227968 * blue,
        0.280085 * red + 0.672501 * green + 0.047413 * blue,
        -0.011820 * red + 0.042940 * green + 0.968881 * blue,
    )


def test_all_colours_are_distinct_without_green() -> None:
    for one, other in itertools.combinations(PALETTE, 2):
        a, b = seen_without_green(one), seen_without_green(other)
        assert sum((x - y) ** 2 for x, y in zip(a, b, strict=True)) ** 0.5 > 0.14, (one, other)


def test_an_application_has_the_same_colour_among_others_and_alone() -> None:
    assert application_colours(["web"]) == {"web": "series 1"}
    assert application_colours(["agent", "web"]) == {"agent": "series 0", "web": "series 1"}
    assert application_colours(["web", "agent"])["agent"] == "series 0"
    assert application_colours(["other", "web", "agent"])["other"] == "series 2"
    assert len(set(APPLICATIONS.values())) == len(APPLICATIONS)


def test_the_words_of_the_pictures_are_those_of_kubernetes_io() -> None:
    """Pod with a capital, node and available in lower case; a Pod is "not ready"."""
    package = ROOT / "src" / "daemonset_course"
    wrong = re.compile(
        r"(?<![\w.-])(?:pods? (?:is|are|on|of|ready|failed|a)|(?:a|ready|extra|new|old) pods?"
        r"|unready|Unavailable node|Nodes without)\b"
    )
    found = []
    for path in (*(package / "figures").rglob("*.py"), *(package / "analysis").rglob("*.py")):
        for one in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(one, ast.Constant)
                and isinstance(one.value, str)
                and wrong.search(one.value)
            ):
                found.append((path.name, one.value))

    assert found == []
