"""A drawn figure with its caption, as Jupyter shows it and as a file."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from daemonset_course.errors import BadInput
from daemonset_course.figures.two_themes import in_both_themes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PIXELS = 160  # dots an inch of a PNG: sharp on a dense screen
_PIXELS_AN_INCH = 96  # of a page
_MOST = 960  # pixels: a wider page has room beside a picture
_UNQUOTED = " =/:;,.()'-?!*+@[]{}|^`~$_"  # what may stand in the URL of an attribute: no & of XML
_DIGITS = re.compile(r"(\.\d\d)\d+")
# A picture is as dark as JupyterLab's theme; on another page, as the browser prefers.
_THEMED = (
    "<style>[data-jp-theme-light=true] .dsi{color-scheme:light}"
    "[data-jp-theme-light=false] .dsi{color-scheme:dark}</style>"
)
_UNSEEN = re.compile(r"<\?xml.*?\?>|<!DOCTYPE.*?>|<!--.*?-->|<metadata>.*?</metadata>", re.DOTALL)
_LEVEL = re.compile(r' transform="rotate\(-0 [^"]*"')  # of words that are not turned
_NUMBERS = re.compile(r'(?<= )(d|x|y|transform|points)="[^"]*"')


@dataclass(frozen=True)
class Picture:
    """A figure and its caption; Jupyter displays it as the last value of a cell.

    Attributes:
        draw: returns the figure; asked for once, when it is first needed.
        caption: the finding in full.
        title: the finding.
        html: returns the drawing that Jupyter gets in place of the figure; None without one.
        described: sentences for those who do not see it, beside title and caption.
        dark: returns the figure for a dark page; None: a notebook shows ``draw`` on both.
    """

    draw: Callable[[], Figure]
    caption: str
    title: str
    html: Callable[[], str] | None = None
    described: str = ""
    dark: Callable[[], Figure] | None = None

    @cached_property
    def figure(self) -> Figure:
        """The figure, as matplotlib draws it for a file."""
        return self.draw()

    @property
    def alt(self) -> str:
        """The alternative text for screen readers: the title, then the caption."""
        caption = self.caption.casefold()
        if all(finding.casefold() in caption for finding in self.title.split("; ")):
            return self._description
        stop = "" if self.title.endswith((".", "!", "?", "…")) else "."
        return f"{self.title}{stop} {self._description}".strip()

    @property
    def _description(self) -> str:
        return f"{self.caption} {self.described}".strip()

    def __repr__(self) -> str:
        return self.caption

    def svg(self) -> str:
        """Return the figure as SVG with role, title and description; same log, same bytes."""
        desc = f"<desc>{escape(self._description, quote=False)}</desc>"
        text = _drawn_svg(self.figure, Title=self.title).replace("<svg ", '<svg role="img" ', 1)
        return re.sub(r"</title>", lambda m: f"{m[0]}\n {desc}", text, count=1)

    def png(self) -> bytes:
        """Return the figure as PNG, with the caption in its description."""
        out = io.BytesIO()
        metadata = {"Software": None, "Title": self.title, "Description": self._description}
        figure = self.figure
        with _style():
            figure.savefig(out, format="png", dpi=PIXELS, metadata=metadata)
        return out.getvalue()

    def save(self, path: str | Path) -> Path:
        """Write the figure as .svg or .png, by the path's ending; return the path.

        Raises:
            BadInput: the ending is neither.
        """
        path = Path(path)
        if path.suffix == ".svg":
            path.write_text(self.svg(), encoding="utf-8")
        elif path.suffix == ".png":
            path.write_bytes(self.png())
        else:
            raise BadInput(
                "A picture is saved as SVG or PNG.",
                seen=str(path),
                next_step="End the file's name in .svg or .png.",
            )
        return path

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:  # noqa: ARG002 - IPython's signature
        html = self._image() if self.html is None else self.html()
        return {"text/plain": self.caption, "text/html": html}, {}

    def _image(self) -> str:
        """Return the figure as HTML: JupyterLab shows an SVG alone without its alternative text.

        Where the page is too narrow for its words, it scrolls within itself.
        """
        svg = _shortened(_drawn_svg(self.figure, words="none"))
        if self.dark:
            svg = in_both_themes(svg, _shortened(_drawn_svg(self.dark(), words="none")))
        wide = round(self.figure.get_figwidth() * _PIXELS_AN_INCH)
        return (
            f'<div style="overflow-x:auto" tabindex=0>{_THEMED if self.dark else ""}'
            f'<img alt="{escape(self.alt)}" class=dsi '
            f'style="display:block;width:100%;min-width:{wide}px;max-width:{max(_MOST, wide)}px" '
            f'src="data:image/svg+xml,{quote(svg, safe=_UNQUOTED)}"></div>'
        )


def _drawn_svg(figure: Figure, *, words: str = "path", **metadata: str) -> str:
    """Return matplotlib's SVG, its words as ``path`` or, with ``none``, as text: a sixth of it."""
    from matplotlib import rc_context  # noqa: PLC0415 - 300 ms

    out = io.StringIO()
    with _style(), rc_context({"svg.fonttype": words}):
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None, **metadata})
    return out.getvalue()


def _shortened(svg: str) -> str:
    """Return matplotlib's SVG without what a page does not show, to a hundredth of a pixel."""
    svg = _UNSEEN.sub("", svg)
    svg = re.sub(r"\s+", " ", svg).replace("> <", "><")
    svg = _LEVEL.sub("", svg)
    svg = _NUMBERS.sub(lambda found: _DIGITS.sub(r"\1", found[0]), svg)
    # Where DejaVu Sans is not installed: the words of Verdana are as wide.
    return svg.replace("'DejaVu Sans', sans-serif", "'DejaVu Sans',Verdana,sans-serif")


def _style() -> Any:
    from daemonset_course.figures.theme import course_style  # noqa: PLC0415 - 570 ms

    return course_style()
