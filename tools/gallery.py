"""Write the gallery: one page with every shape of figure, light and dark side by side.

    make gallery
    .venv/bin/python tools/gallery.py --renew

The page is ``.gallery/index.html``. Pictures that differ from their stored digests, which
``tests/unit/test_gallery.py`` compares, are named: look at them, then write them with ``--renew``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from html import escape
from typing import Any

from daemonset_course.figures.rollout.inline import script
from gallery_pictures import PICTURES, ROOT, Exhibit

PAGE = ROOT / ".gallery" / "index.html"
DIGESTS = ROOT / "tests" / "unit" / "gallery.json"
COMMAND = ".venv/bin/python tools/gallery.py --renew"
# Of these the HTML is compared too: those that together use every part of the two writers.
RENDERED = ("timeline: every state", "timeline: surge", "raster", "why", "status in a rollout")

# The variables of JupyterLab's two themes that pictures use, with its values.
THEMES = {
    "light": "--jp-content-font-color1:rgba(0,0,0,.87);--jp-layout-color0:#fff;"
    "--jp-border-color2:#e0e0e0;background:#fff;color:rgba(0,0,0,.87)",
    "dark": "--jp-content-font-color1:#fff;--jp-layout-color0:#111;"
    "--jp-border-color2:#424242;background:#111;color:#fff",
}
_STYLE = (
    "body{margin:0;font:14px/1.4 system-ui,sans-serif;color:#1a1a1a;background:#fff}"
    "h1,h2{font-size:18px;margin:12px}.pair{display:flex;align-items:stretch}"
    ".pair>div{flex:1;min-width:0;padding:8px}"
    "@media(max-width:1100px){.pair{display:block}}"
)


def page(pictures: Mapping[str, Exhibit], themes: Sequence[str] = ("light", "dark")) -> str:
    """Return the page as HTML; it loads nothing."""
    parts = "".join(
        f"<section><h2>{escape(name)}</h2><div class=pair>"
        + "".join(
            f'<div style="{THEMES[theme]}" data-jp-theme-light={str(theme == "light").lower()}>'
            f"{_shown(one, theme)}</div>"
            for theme in themes
        )
        + "</div></section>"
        for name, one in pictures.items()
    )
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>Gallery of figures</title>"
        f"<style>{_STYLE}</style><main><h1>Gallery of figures</h1>{parts}</main>{script()}</html>"
    )


def _shown(one: Exhibit, theme: str) -> str:
    if one.html:
        # The same picture stands on the page twice, and an id may not.
        return re.sub(r"\bt([0-9a-f]{8})", rf"{theme}\1", one.html)
    assert one.picture
    return str(one.picture(False)._repr_mimebundle_()[0]["text/html"])


# Digests


def plain(value: Any) -> Any:
    """Return figure data as JSON has it; numbers are rounded, so that all machines agree."""
    if is_dataclass(value):
        members = {field.name: plain(getattr(value, field.name)) for field in fields(value)}
        return [type(value).__name__, members]
    if isinstance(value, Mapping):
        return [[plain(key), plain(one)] for key, one in value.items()]
    if isinstance(value, set | frozenset):
        return sorted(map(str, value))
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return round(value, 6) if isinstance(value, float) else value


def digests(pictures: Mapping[str, Exhibit]) -> dict[str, dict[str, str]]:
    """Return the digest of each picture's data, and of the HTML of those in ``RENDERED``."""
    found = {name: {"data": _digest(json.dumps(plain(one.data)))} for name, one in pictures.items()}
    for name in (one for one in RENDERED if one in pictures):
        found[name]["html"] = _digest(pictures[name].html)
    return found


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def stored() -> dict[str, dict[str, str]]:
    """Return the digests in the file; empty if there is none."""
    if not DIGESTS.exists():
        return {}
    found: dict[str, dict[str, str]] = json.loads(DIGESTS.read_text(encoding="utf-8"))
    return found


def differing(
    found: Mapping[str, Mapping[str, str]], before: Mapping[str, Mapping[str, str]]
) -> Iterator[str]:
    """Yield a line for each picture that is not as it was: its name, and what differs."""
    for name in dict.fromkeys([*found, *before]):
        old, new = before.get(name), found.get(name)
        if old is None or new is None:
            yield f"{name}: {'new' if old is None else 'no longer there'}"
        elif parts := [
            part for part in dict.fromkeys([*new, *old]) if new.get(part) != old.get(part)
        ]:
            yield f"{name}: {' and '.join(parts)}"


def main() -> int:
    """Write the page, and with ``--renew`` the digests."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--renew", action="store_true", help="write the digests too")
    options = parser.parse_args()
    pictures = {name: make() for name, make in PICTURES.items()}
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(pictures), encoding="utf-8")
    found = digests(pictures)
    for line in differing(found, stored()):
        print(f"differs: {line}")
    if options.renew:
        DIGESTS.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(f"{len(pictures)} pictures, light and dark: {PAGE.as_uri()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
