"""A drawn figure with its caption, as Jupyter shows it and as a file."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daemonset_course.errors import BadInput

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PIXELS = 160  # dots an inch of a PNG: sharp on a dense screen


@dataclass(frozen=True)
class Picture:
    """A figure and its caption; Jupyter displays it as the last value of a cell.

    Attributes:
        draw: returns the figure; asked for once, when it is first needed.
        caption: the finding in full.
        title: the finding.
        vector: whether Jupyter gets SVG, else PNG.
        html: returns the drawing that Jupyter gets in place of both; None without one.
        described: sentences for those who do not see it, beside title and caption.
    """

    draw: Callable[[], Figure]
    caption: str
    title: str
    vector: bool = True
    html: Callable[[], str] | None = None
    described: str = ""

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
        out = io.StringIO()
        metadata = {"Date": None, "Creator": None, "Title": self.title}
        figure = self.figure
        with _style():
            figure.savefig(out, format="svg", metadata=metadata)
        desc = f"<desc>{escape(self._description, quote=False)}</desc>"
        text = out.getvalue().replace("<svg ", '<svg role="img" ', 1)
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
        if self.html is not None:
            return {"text/plain": self.caption, "text/html": self.html()}, {}
        alt = {"alt": self.alt}
        if self.vector:
            return {"text/plain": self.caption, "image/svg+xml": self.svg()}, {"image/svg+xml": alt}
        size = {"width": round(self.figure.get_figwidth() * 96)}
        data = base64.b64encode(self.png()).decode("ascii")
        return {"text/plain": self.caption, "image/png": data}, {"image/png": alt | size}


def _style() -> Any:
    from daemonset_course.figures.theme import course_style  # noqa: PLC0415 - 570 ms

    return course_style()
