"""Join matplotlib's drawings of one figure for a light and for a dark page into one SVG.

As an image of a page it follows ``color-scheme`` of the ``<img>``: Media Queries 5, section
"prefers-color-scheme", for SVG in the "secure animated" mode. A browser that does not do so follows
its own preference; one that knows no ``prefers-color-scheme`` shows the light drawing.
"""

from __future__ import annotations

import re

_TAG = re.compile(r"<(\w[\w:]*)((?: [\w:-]+=\"[^\"]*\")*) ?(/?)>")
_STYLED = re.compile(r' style="([^"]*)"')
_FILL = re.compile(r' fill="([^"]*)"')  # of a pattern's ground
_PATTERN = re.compile(r'<pattern [^>]*?id="(\w+)"')
_NAMED = re.compile(r'<g id="\w+"')  # nothing refers to a group


def in_both_themes(light: str, dark: str) -> str:
    """Return the light drawing, which becomes the dark one where the page is dark.

    The drawings differ in colours alone. If their elements differ, it is the light one.
    """
    # The id of a pattern is made from its colours, too.
    for mine, its in zip(*map(_PATTERN.findall, (light, dark)), strict=False):
        dark = dark.replace(its, mine)
    pages = [_NAMED.sub("<g", _FILL.sub(r' style="fill:\1"', one)) for one in (light, dark)]
    tags = [[(found[1], _style(found[2])) for found in _TAG.finditer(one)] for one in pages]
    if [name for name, _ in tags[0]] != [name for name, _ in tags[1]]:
        return light
    pairs = iter([(a, b) for (_, a), (_, b) in zip(*tags, strict=True)])
    classes: dict[tuple[str, str], str] = {}

    def classed(found: re.Match[str]) -> str:
        pair = next(pairs)
        if pair == ("", ""):
            return found[0]
        name = classes.setdefault(pair, f"c{len(classes)}")
        return f'<{found[1]}{_STYLED.sub("", found[2])} class="{name}"{found[3]}>'

    page = _TAG.sub(classed, pages[0])
    rules = "".join(f".{name}{{{a}}}" for (a, _), name in classes.items())
    changed = "".join(f".{name}{{{_changed(a, b)}}}" for (a, b), name in classes.items() if a != b)
    style = f"<style>{rules}@media (prefers-color-scheme:dark){{{changed}}}</style>"
    return page.replace("</svg>", f"{style}</svg>")


def _style(attributes: str) -> str:
    found = _STYLED.search(attributes)
    return re.sub(r"([:;]) ", r"\1", found[1]) if found else ""


def _changed(light: str, dark: str) -> str:
    """Return the declarations that make the dark style of the light one."""
    a, b = (dict(one.split(":", 1) for one in style.split(";") if one) for style in (light, dark))
    left_out = {name: "initial" for name in a if name not in b}
    return ";".join(
        f"{name}:{value}" for name, value in (b | left_out).items() if a.get(name) != value
    )
