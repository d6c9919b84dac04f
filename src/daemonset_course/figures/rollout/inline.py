"""Draw a timeline as HTML with an SVG in it, as notebooks, the site and the live view show it.

It is complete and still without its script. The script (``data/timeline.js``) adds a cursor over
all lanes, the status at that moment, a slider, and a replay. Text is text, colours are those of
JupyterLab's theme, nothing is loaded from anywhere.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from functools import cache
from html import escape
from importlib.resources import files
from itertools import groupby

from rcssmin import cssmin
from rjsmin import jsmin

from daemonset_course.figures.pods import PHASES, Shown
from daemonset_course.figures.rollout.chart import Chart, ChartSet, NodeLane
from daemonset_course.figures.rollout.lanes_svg import LEFT, PLOT, WIDTH, LanesSvg
from daemonset_course.figures.rollout.paints import ID
from daemonset_course.figures.rollout.tile_html import tile_data, tile_map, tile_style
from daemonset_course.figures.rollout.tile_map import has_tiles
from daemonset_course.history.daemonset_status import COLUMNS

NOT_TRUSTED = (
    "The picture is not shown, because this notebook is not trusted: "
    "choose Trust Notebook in the Command Palette."
)


def inline(charts: ChartSet, *, above: Sequence[str] = (), scripted: bool = True) -> str:
    """Return the drawing as HTML.

    Args:
        charts: what is drawn.
        above: lines between the title and the key.
        scripted: write the script too; a page needs it once.
    """
    drawing = LanesSvg(charts)
    tiled = has_tiles(charts)
    tiles = tile_map(charts.charts[0], charts.word) if tiled else ""
    key, svg = drawing.key(), drawing.svg()  # the key's patterns are defined in the picture
    title = "".join(f"<div><b>{escape(line)}</b></div>" for line in charts.title.split("\n"))
    title += "".join(f"<div>{escape(line)}</div>" for line in above)
    notes = "".join(f"<li>{line}</li>" for chart in charts.charts for line in _notes(chart))
    caption = escape(_beyond(charts.title, charts.caption), quote=False)
    html = (
        f"<figure class=dst data-lm-suppress-shortcuts=true data-d='{_data(charts, drawing)}'>"
        f"<style>{style()}{_tile_style(charts)}</style>{title}{key}"
        f"<div class=dst-o>{NOT_TRUSTED}</div>{scrolled(svg)}"
        f"{_CONTROLS}{tiles}{_status(charts)}{_folded(charts)}"
        + (f"<ul class=dst-n style=padding:0>{notes}</ul>" if notes else "")
        + f'<figcaption id="{ID}c">{caption}</figcaption></figure>'
    )
    digest = hashlib.sha256(html.encode()).hexdigest()[:8]
    return html.replace(ID, f"t{digest}") + (
        script(tiles=tiled or charts.dense) if scripted else ""
    )


def _beyond(title: str, caption: str) -> str:
    """Return the caption without the title, which stands above the picture, at its beginning."""
    found = re.fullmatch(rf"{re.escape(title)}(?:[,;.] (.+)|\.?)", caption, re.DOTALL)
    if found is None:
        return caption
    rest = found[1] or ""
    return rest[:1].upper() + rest[1:]


def scrolled(svg: str) -> str:
    """Return a picture that scrolls within itself, also by keys, where the page is too narrow.

    JupyterLab takes the tags out of the SVG of a notebook that it does not trust, and leaves its
    texts: these have no height.
    """
    return f"<div class=dst-w tabindex=0 style=font-size:0>{svg}</div>"


_NONE = ("-",) * len(COLUMNS)  # no status
_CONTROLS = (
    "<div class=dst-c style=display:none><button type=button>▶ replay</button>"
    "<input type=range max=1000 "
    'value=1000 step=any aria-label="time; up and down: node; page up and down: next change">'
    "</div><div class=dst-r></div>"
)


def script(*, tiles: bool = False) -> str:
    """Return the script as HTML; it serves every drawing of its page, also later ones.

    ``tiles``: also that of tile maps and low rows.
    """
    follows = _asset("tiles.js") if tiles else ""
    return f"<script>{_asset('timeline.js')}{follows}</script>"


def style() -> str:
    """Return the style of every drawing, without its tag."""
    return _asset("timeline.css")


def _tile_style(charts: ChartSet) -> str:
    return _asset("tiles.css") + tile_style(charts.charts[0]) if has_tiles(charts) else ""


@cache
def _asset(name: str) -> str:
    """Return the style or the script without comments and blanks."""
    text = (files("daemonset_course") / "data" / name).read_text(encoding="utf-8")
    return str(cssmin(text) if name.endswith("css") else jsmin(text))


def _notes(chart: Chart) -> Iterator[str]:
    whose = f"{chart.label}: " if chart.label else ""
    for letter in chart.letters:
        yield f"<b>{letter.letter}</b> {escape(whose + letter.words)}"
    if chart.more_marks:
        yield escape(f"{whose}… and {chart.more_marks} more")
    yield from (escape(f"{whose}{remark}") for remark in chart.sentences)


def _folded(charts: ChartSet) -> str:
    """Return the names of the nodes that share a row, to be unfolded without the script."""
    lines = ""
    for chart in charts.charts:
        whose = f"{chart.label}: " if chart.label else ""
        for lane in (lane for lane in chart.lanes if lane.folded):
            names = ", ".join(lane.folded)
            lines += f"<div>{escape(f'{whose}{lane.name}, {lane.words}: {names}')}</div>"
    if not lines:
        return ""
    return f"<details><summary>Nodes that share a row</summary>{lines}</details>"


def _status(charts: ChartSet) -> str:
    """Return the table of the seven columns, as they are at the end, and as they were predicted."""
    several = len(charts.charts) > 1
    named = several or any(chart.drawn_in.status for chart in charts.charts)
    heads = "".join(f"<th scope=col>{column}" for column in COLUMNS)
    rows = ""
    for i, chart in enumerate(charts.charts):
        now = (chart.status[-1][1] if chart.status else ()) or _NONE
        name = f"<th scope=row>{escape(chart.label) or 'the cluster'}" if named else ""
        cells = "".join(f"<td>{number}" for number in now)
        rows += f"<tr data-i={i}>{name}{cells}"
        if guess := chart.drawn_in.status:
            name = f"<th scope=row><b>you{f', {escape(chart.label)}' if several else ''}</b>"
            row = (f"<td><b>{guess[one]}</b>" if one in guess else "<td>" for one in COLUMNS)
            rows += f"<tr>{name}{''.join(row)}"
    return (
        "<div class=dst-w tabindex=0>"
        "<table><caption class=dst-s>status at the end</caption>"
        f"<thead><tr>{'<td>' if named else ''}{heads}<tbody>{rows}</table></div>"
    )


def _data(charts: ChartSet, drawing: LanesSvg) -> str:
    """Return what the script reads, as JSON within single quotes."""
    lanes = [lane for chart in charts.charts for lane in chart.lanes if not lane.folded]
    names = [bar.pod for lane in lanes for bar in lane.bars]
    prefix = _prefix(names)
    used = {bar.phase for chart in charts.charts for lane in chart.lanes for bar in lane.bars}
    phases = [phase for phase in PHASES if phase in used]
    made = {
        "s": [_short(charts.span[0]), _short(charts.span[1])],
        "w": [LEFT, PLOT, WIDTH, _short(drawing.height)],
        "p": prefix, "k": charts.word,
        "f": ["ready, not yet available" if p == "not yet available" else p for p in phases],
        "c": [
            {
                "y": _short(top), "h": _short(drawing.lane, 3),
                "l": [
                    [lane.name, list(_stretches(lane, prefix, phases)), *_states(lane)]
                    for lane in chart.lanes
                ],
                "t": [[_short(t), *(numbers or _NONE)] for t, numbers in chart.status],
            }
            for chart, top in zip(charts.charts, drawing.tops, strict=True)
        ],
    } | (tile_data(charts.charts[0]) if has_tiles(charts) else {})  # fmt: skip
    text = json.dumps(made, separators=(",", ":"), ensure_ascii=False)
    return text.replace("&", "&amp;").replace("'", "&#39;").replace("<", "&lt;")


def _stretches(lane: NodeLane, prefix: str, phases: list[Shown]) -> Iterator[list[object]]:
    """Yield [Pod, number, phase, from, until, reason] of each stretch, for the script.

    One of the same Pod that follows at once is [phase, until, reason].
    """
    bars = sorted(lane.bars, key=lambda bar: (bar.pod, bar.start))
    before: tuple[object, ...] = ()
    for (pod, phase, number, reason), same in groupby(
        bars, key=lambda bar: (bar.pod, bar.phase, bar.number, bar.why)
    ):
        parts = list(same)
        shown = int(number) if number.isdecimal() else number
        start, end = _short(parts[0].start), _short(parts[-1].end)
        rest = [end, *([reason] if reason else [])]
        if (pod, number, start) == before:
            yield [phases.index(phase), *rest]
        else:
            yield [pod.removeprefix(prefix), shown, phases.index(phase), start, *rest]
        before = pod, number, end


def _states(lane: NodeLane) -> Iterator[object]:
    """Yield the list of [from, until, words] of the node's states, if there are any.

    For a row of several nodes, an empty list, then what the row says.
    """
    if lane.folded:
        yield []
        yield f"{lane.words}: {', '.join(lane.folded)}"
    elif lane.states:
        yield [[_short(one.start), _short(one.end), ", ".join(one.words)] for one in lane.states]


def _prefix(names: Sequence[str]) -> str:
    """Return what all names of Pods begin with, up to a dash: the DaemonSet's name."""
    prefix = names[0][: names[0].rfind("-") + 1] if names else ""
    return prefix if all(name.startswith(prefix) for name in names) else ""


def _short(value: float, decimals: int = 2) -> float:
    """Return the number with so many decimals; a whole one as such."""
    rounded = round(value, decimals)
    return int(rounded) if rounded == int(rounded) else rounded
