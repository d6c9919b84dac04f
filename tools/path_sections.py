"""Choose the cells of a lesson that a path takes: its beginning, and the sections that are named.

``[path.sections]`` in ``content/course.toml`` names sections by their headings. What stands before
the first heading of a lesson (imports, the fleet) is always taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import count

from daemonset_course.errors import BadInput

HEADING = "## "


def chosen(texts: Iterable[tuple[str, str]], sections: Sequence[str]) -> list[int]:
    """Return the places of the cells that a path takes; all of them if it names no section.

    Args:
        texts: kind (``markdown`` or ``code``) and text of each cell.
        sections: headings without their ``##``, in any order.

    Raises:
        BadInput: the lesson has no section of that name.
    """
    every = [*zip(count(), _headings(texts), strict=False)]
    known = dict.fromkeys(heading for _, heading in every if heading)
    if unknown := [one for one in sections if one not in known]:
        raise BadInput(
            f"A path names the section {unknown[0]!r}, which the lesson does not have.",
            seen=f"it has {', '.join(known)}",
            next_step="correct [path.sections] in content/course.toml",
        )
    return [place for place, heading in every if not sections or heading in ("", *sections)]


def _headings(texts: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yield for each cell the heading that it stands under; empty before the first one."""
    heading = ""
    for kind, text in texts:
        if kind == "markdown" and text.startswith(HEADING):
            heading = text.partition("\n")[0].removeprefix(HEADING).strip()
        yield heading
