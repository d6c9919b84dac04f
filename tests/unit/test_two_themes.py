"""A figure of matplotlib in a notebook: one image, light or dark as the theme of its page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
from chromium import Page, browser
from PIL import Image

from daemonset_course.figures.colours import DARK_PAGE, LIGHT_PAGE, rgb
from daemonset_course.figures.page import TEXT
from daemonset_course.figures.picture import Picture
from daemonset_course.figures.two_themes import in_both_themes
from gallery_pictures import PICTURES

DRAWN = ("table with links", "lanes", "tiles", "lines", "bars")
SVG = "{http://www.w3.org/2000/svg}"
Styles = list[tuple[str, dict[str, str]]]


@cache
def image(name: str, *, dark: bool = False, alone: bool = False) -> str:
    """Return a picture's HTML; ``alone``: of its one drawing, light or dark."""
    make = PICTURES[name]().picture
    assert make is not None
    picture = make(dark)
    if alone:
        picture = Picture(picture.draw, picture.caption, picture.title)
    return str(picture._repr_mimebundle_()[0]["text/html"])


def root_of(html: str) -> ElementTree.Element:
    (source,) = re.findall(r'src="data:image/svg\+xml,([^"]+)"', html)
    return ElementTree.fromstring(unquote(unescape(source)))


def declarations(style: str) -> dict[str, str]:
    pairs = (one.split(":", 1) for one in style.split(";") if one.strip())
    return {name.strip(): value.strip() for name, value in pairs}


def styles(html: str, *, dark: bool = False) -> Styles:
    """Return tag and style of each element, as a browser finds them on a light or a dark page."""
    root = root_of(html)
    sheet = next(
        (one.text or "" for one in root.iter(f"{SVG}style") if "type" not in one.attrib), ""
    )
    light, _, darker = sheet.partition("@media (prefers-color-scheme:dark)")
    rules, changes = (dict(re.findall(r"\.(c\d+)\{([^}]*)\}", part)) for part in (light, darker))
    found = []
    for one in root.iter():
        if one.tag == f"{SVG}style":
            continue
        own = declarations(one.get("style", "")) | {
            name: value for name, value in one.attrib.items() if name == "fill"
        }
        if name := one.get("class"):
            own |= declarations(rules[name])
            own |= declarations(changes.get(name, "")) if dark else {}
        found.append((one.tag, {k: v for k, v in own.items() if v != "initial"}))
    return found


def without_ids(found: Styles) -> Styles:
    return [
        (tag, {k: re.sub(r"#\w{11}\b", "#", v) for k, v in each.items()}) for tag, each in found
    ]


@pytest.mark.parametrize("name", DRAWN)
def test_it_has_the_colours_of_the_light_and_of_the_dark_drawing(name: str) -> None:
    both = image(name)

    assert styles(both) == styles(image(name, alone=True))
    dark = styles(image(name, dark=True, alone=True))
    assert without_ids(styles(both, dark=True)) == without_ids(dark)
    assert styles(both) != styles(both, dark=True)


@pytest.mark.parametrize("name", DRAWN)
def test_it_is_no_larger_than_one_drawing_and_each_reference_is_defined(name: str) -> None:
    both = image(name)
    text = ElementTree.tostring(root_of(both), encoding="unicode")

    assert len(both) < 1.02 * len(image(name, alone=True))
    assert set(re.findall(r"#([hmp]\w{10})\b", text)) <= set(re.findall(r'id="(\w+)"', text))


def test_drawings_of_different_elements_stay_the_light_one() -> None:
    light, dark = '<svg><path style="fill: #fff"/></svg>', "<svg></svg>"

    assert in_both_themes(light, dark) == light


def test_what_the_dark_style_leaves_out_is_as_at_first() -> None:
    light = '<svg><path d="M0 0" style="fill: #fff; opacity: .5"/><g id="a"/></svg>'
    dark = '<svg><path d="M0 0"/><g id="b"/></svg>'

    assert in_both_themes(light, dark) == (
        '<svg><path d="M0 0" class="c0"/><g/><style>.c0{fill:#fff;opacity:.5}'
        "@media (prefers-color-scheme:dark){.c0{fill:initial;opacity:initial}}</style></svg>"
    )


def test_a_dark_picture_that_was_asked_for_is_dark_on_every_page() -> None:
    assert "prefers-color-scheme" not in image("lines", dark=True)
    assert "color-scheme" not in image("lines", dark=True)


@pytest.mark.parametrize("name", DRAWN)
def test_every_word_has_9_points_where_the_page_is_as_narrow_as_can_be(name: str) -> None:
    root = root_of(image(name))
    sizes = re.findall(r"font-size:([\d.]+)px", ElementTree.tostring(root, encoding="unicode"))
    (least,) = re.findall(r"min-width:(\d+)px", image(name))
    scale = int(least) / 96 * 72 / float(root.get("viewBox", "").split()[2])  # points of a unit

    assert sizes
    assert min(map(float, sizes)) * scale >= TEXT - 0.01


# In a browser


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("chromium")) as opened:
        yield opened


def ground(page: Page, folder: Path) -> Any:
    """Return the colour of the picture's corner."""
    with Image.open(page.shot(folder / "shot.png")) as shot:
        return shot.convert("RGB").getpixel((20, 20))


def test_it_follows_the_theme_of_jupyterlab_also_a_change_and_scrolls_within_itself(
    page: Page, tmp_path: Path
) -> None:
    light, dark = (tuple(round(255 * c) for c in rgb(one[0])) for one in (LIGHT_PAGE, DARK_PAGE))
    file = tmp_path / "page.html"
    file.write_text(
        "<!doctype html><meta charset=utf-8><body style='margin:8px' data-jp-theme-light=true>"
        + image("lines"),
        encoding="utf-8",
    )
    page.size(700, 600)
    page.open(file)
    page.until("document.images[0].complete")

    for preferred in ("dark", "light"):  # what the browser prefers does not count
        features = [{"name": "prefers-color-scheme", "value": preferred}]
        page.call("Emulation.setEmulatedMedia", features=features)
        for theme, colour in (("true", light), ("false", dark)):
            page.ask(f"document.body.dataset.jpThemeLight = '{theme}'")
            assert ground(page, tmp_path) == colour
    page.ask("delete document.body.dataset.jpThemeLight")
    assert ground(page, tmp_path) == light, "as the browser prefers"
    assert page.ask("document.documentElement.scrollWidth") <= 700
    assert page.ask("document.images[0].getBoundingClientRect().width") > 800
