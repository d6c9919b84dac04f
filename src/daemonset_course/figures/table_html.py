"""Write tables as HTML, as notebooks and the site show them. Pure.

A table is read by its heads, follows JupyterLab's theme, and scrolls within itself where the page
is too narrow. What a colour says, a sign or a word says too. ``figures/table.py`` draws the same
shape for files.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from html import escape
from importlib.resources import files
from itertools import groupby

from daemonset_course.figures.colours import (
    JUPYTERLAB_GROUNDS,
    MEANINGS,
    PALETTE,
    Colour,
    ink_on,
    rgb,
)
from daemonset_course.figures.shapes import Cell, Line, Style, Table, explained

_NAMED = MEANINGS | {f"series {number}": colour for number, colour in enumerate(PALETTE)}
_THEMED = {
    "foreground": "var(--f)", "muted": "var(--m)", "faint": "var(--l)", "background": "var(--b)",
    "stripe": "color-mix(in srgb,var(--f) 4%,var(--b))",
}  # fmt: skip
_PAGES = tuple(map(rgb, JUPYTERLAB_GROUNDS))
_STRONG = ".dtt.dtt.dtt"  # a selector that wins over those of the page around it
_SIGN = 2  # characters: a text that is no longer is a sign, and its word is written for readers


def tables_html(tables: Sequence[Table], *, title: str, caption: str = "", note: str = "") -> str:
    """Return tables that stand side by side as one figure.

    Args:
        tables: without links, which HTML cannot draw.
        title: the finding; a line each.
        caption: the finding in full; left out if it says no more than the title.
        note: a line under the title, such as the origin of the values.
    """
    styles = {word: style for one in tables for word, style in one.styles.items()}
    used = frozenset().union(*(one.used for one in tables))
    classes = {word: f"c{i}" for i, word in enumerate(w for w in styles if w in used)}
    heads = "".join(f"<div><b>{escape(line)}</b></div>" for line in title.split("\n"))
    heads += f"<div>{escape(note)}</div>" if note else ""
    label = escape(title.replace("\n", "; "))
    body = "".join(
        f'<div class=s tabindex=0 role=group aria-label="{label}">{_table(one, label, classes)}'
        "</div>"
        for one in tables
    )
    notes = "".join(f"<li>{escape(line)}</li>" for one in tables for line in one.notes)
    rules = "".join(
        f"{_STRONG}.dtt-ID td.{place}{{{paint(styles[w])}}}" for w, place in classes.items()
    )
    html = (
        f'<figure class="dtt dtt-ID"><style>{_css()}{rules}</style>{heads}{body}{_key(tables)}'
        + (f'<ul class=n style="padding:0">{notes}</ul>' if notes else "")
        + (
            f"<figcaption>{escape(caption, quote=False)}</figcaption>"
            if _more(caption, title)
            else ""
        )
        + "</figure>"
    )
    return html.replace("dtt-ID", f"dtt-{hashlib.sha256(html.encode()).hexdigest()[:8]}")


def paint(style: Style) -> str:
    """Return the CSS declarations of a cell in that style, with an ink that can be read on it."""
    fill, edge = _filling(style), _named(style.edge or style.colour)
    found = f"background:{fill};border-color:{edge if style.width else 'transparent'}"
    if style.width > 1:
        found += ";border-width:2px"
    if style.hatch:
        line = _named(style.colour)
        turns = {"/": "-45deg", "\\": "45deg", "x": "-45deg", ".": "90deg"}
        stripes = f"repeating-linear-gradient({turns[style.hatch[0]]},{line} 0 1px,{fill} 1px 7px)"
        # The words stand on the plain ground: stripes run beside them.
        plain = f"linear-gradient({fill},{fill}) content-box"
        return f"{found};background:{plain},{stripes};color:var(--f)"
    return f"{found};color:{_ink(style)}"


# Colours


def _named(name: str) -> str:
    return _NAMED.get(name) or _THEMED[name]


def _filling(style: Style) -> str:
    fill = _named(style.colour)
    if style.fade >= 1:
        fill = "var(--b)"
    elif style.fade:
        fill = f"color-mix(in srgb,{fill} {100 * (1 - style.fade):g}%,var(--b))"
    if style.shade:
        fill = f"color-mix(in srgb,var(--f) {100 * style.shade:g}%,{fill})"
    return fill


def _ink(style: Style) -> str:
    """Return the ink for words on the filling: black, white, or that of the page."""
    if style.colour == "foreground" and not style.fade:
        return "var(--b)"
    if style.colour not in _NAMED or style.fade >= 1:
        return "var(--f)"
    fixed = rgb(_NAMED[style.colour])
    inks = {ink_on(_mixed(fixed, page, style.fade)) for page in _PAGES}
    return inks.pop() if len(inks) == 1 else "var(--f)"


def _mixed(colour: Colour, other: Colour, amount: float) -> Colour:
    red, green, blue = (a + (b - a) * amount for a, b in zip(colour, other, strict=True))
    return red, green, blue


# The table


def _table(table: Table, label: str, classes: Mapping[str, str]) -> str:
    assert not table.links
    body = "".join(_rows(table, classes))
    foot = ""
    if table.totals is not None:
        name, texts = table.totals
        cells = "".join(f"<td class=c>{escape(text)}" for text in texts)
        foot = f"<tfoot><tr><th scope=row>{escape(name)}{_second(table, '<td>')}{cells}"
    return (
        f"<table><caption class=w style='font-size:0'>{label}</caption>"
        f"<thead>{''.join(_heads(table))}<tbody>{body}{foot}</table>"
    )


def _second(table: Table, cell: str) -> str:
    """Return the cell of the rows' second names, if there are any."""
    return cell if any(row.detail for row in table.rows) else ""


def _named_rows(table: Table) -> bool:
    return any(row.written for row in table.rows) or bool(table.row_title)


def _heads(table: Table) -> Iterator[str]:
    first = "<td>" if _named_rows(table) else ""
    corner = f"<th scope=col>{escape(table.row_title)}" if table.row_title else first
    before, after = _second(table, "<td>"), _behind(table)
    if table.column_title and table.columns:
        wide = len(table.columns)
        title = f"<th scope=colgroup colspan={wide} class=c>{escape(table.column_title)}"
        yield f"<tr>{first}{before}{title}"
    elif any(column.group for column in table.columns) and not table.slanted:
        groups = [(name, len(list(same))) for name, same in groupby(table.columns, _group)]
        cells = "".join(
            f"<th scope=colgroup colspan={wide} class=c>{escape(name)}" if name
            else f"<td colspan={wide}>" for name, wide in groups
        )  # fmt: skip
        yield f"<tr>{first}{before}{cells}"
    turned = "u" if table.slanted else "c"
    columns = "".join(
        f"<th scope=col class={turned}><span>{escape(column.written)}</span>"
        for column in table.columns
    )
    yield f"<tr>{corner}{before}{columns}{after}"


def _behind(table: Table) -> str:
    """Return the heads of the texts behind the cells."""
    heads = [*(side.head for side in table.sides)]
    heads += [table.remark_title] if table.remarks else []
    return "".join(f"<th scope=col>{escape(head)}" if head else "<td>" for head in heads)


def _group(line: Line) -> str:
    return line.group


def _rows(table: Table, classes: Mapping[str, str]) -> Iterator[str]:
    named, group = _named_rows(table), ""
    wide = named + len(table.columns) + len(table.sides) + bool(table.remarks)
    wide += bool(_second(table, "x"))
    output = " o" if table.remarks and not table.columns else ""
    grouped = any(row.group for row in table.rows)
    for i, row in enumerate(table.rows):
        if row.group != group:
            group = row.group
            if group:
                yield f"<tr><th scope=rowgroup colspan={wide} class=g>{escape(group)}"
        look = "" if not grouped else " class=i" if group else " class=g"
        cells = [f"<th scope=row{look}>{escape(row.written)}"] if named else []
        cells += [_second(table, f"<td>{escape(row.detail)}")]
        for column in table.columns:
            cell = table.cells.get((row.name, column.name))
            cells.append(_cell(cell, classes) if cell else "<td>")
        cells += [f"<td>{escape(side.texts[i])}" for side in table.sides]
        if table.remarks:
            words = escape(table.remarks.get(row.name, ""))
            cells.append(f'<td class="r{output}">{words}')
        yield f"<tr>{''.join(cells)}"


def _cell(cell: Cell, classes: Mapping[str, str]) -> str:
    """Return a cell; one with a sign alone also has the word of its style, for screen readers."""
    plain = len(cell.text) > _SIGN or cell.text.isalnum()
    words = "" if plain else f"<span class=w> {escape(cell.style)}</span>"
    return f'<td class="c {classes[cell.style]}"><b>{escape(cell.text)}</b>{words}'


# What stands around it


def _key(tables: Sequence[Table]) -> str:
    """Return the list of what styles mean; none where each cell says its word itself."""
    styles = {word: style for one in tables for word, style in explained(one).items()}
    if all(cell.text == cell.style for one in tables for cell in one.cells.values()):
        return ""
    entries = "".join(
        f'<li><span style="{paint(style)}" aria-hidden=true>{escape(style.sign)}</span> '
        f"{escape(word)}</li>"
        for word, style in styles.items()
    )
    return f'<ul class=k style="padding:0">{entries}</ul>' if entries else ""


def _more(caption: str, title: str) -> bool:
    """Whether the caption says more than the title."""
    return caption.rstrip(".") != title.rstrip(".") and bool(caption)


@cache
def _css() -> str:
    """Return the style without blanks that browsers do not need."""
    text = (files("daemonset_course") / "data" / "table.css").read_text(encoding="utf-8")
    # JupyterLab's rules for cells (two classes) would align them to the right and stripe the rows.
    strong = re.sub(r"\.dtt (?=[\w.])", f"{_STRONG} ", text)
    short = re.sub(r"\s+", " ", strong)
    return re.sub(r" ?([{};:,>]) ", r"\1", short).replace(" {", "{").replace(";}", "}").strip()
