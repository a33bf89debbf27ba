"""Rough drawings of what a panel shows, as HTML and SVG: enough to see whether it answers its question."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import datetime
from html import escape
from typing import Any

from tests.grafana.boards import Table

Panel = dict[str, Any]

W, H = 1000.0, 400.0  # of every drawing, stretched to its panel
_HUES = {
    "purple": "#b877d9", "blue": "#5794f2", "orange": "#ff9830", "yellow": "#fade2a", "green": "#73bf69",
    "red": "#f2495c",
}  # fmt: skip
_STRENGTH = {"super-light-": 0.75, "light-": 0.45, "semi-dark-": -0.2, "dark-": -0.4}


def css(name: str) -> str:
    """A colour of Grafana's, roughly."""
    for prefix, by in _STRENGTH.items():
        if name.startswith(prefix):
            hue = _HUES[name.removeprefix(prefix)]
            parts = [int(hue[place : place + 2], 16) for place in (1, 3, 5)]
            return "#" + "".join(
                f"{round(part + (255 - part) * by if by > 0 else part * (1 + by)):02x}" for part in parts
            )
    return _HUES.get(name, name)


def draw(panel: Panel, table: Table) -> str:
    """The panel's inside."""
    if not table[2]:
        return f"<p class=none>{escape(panel['fieldConfig']['defaults'].get('noValue', 'No data'))}</p>"
    return _KINDS[panel["type"]](panel, table)


def properties(panel: Panel, name: str) -> dict[str, Any]:
    """What the panel says of a field: its defaults, then the overrides by name."""
    found: dict[str, Any] = dict(panel["fieldConfig"]["defaults"])
    for override in panel["fieldConfig"]["overrides"]:
        if override["matcher"]["options"] == name:
            found |= {item["id"]: item.get("value") for item in override["properties"]}
    return found


def colour_of(panel: Panel, name: str) -> str:
    """The fixed colour of a field, else grey."""
    chosen = properties(panel, name).get("color") or {}
    return css(chosen.get("fixedColor", "#999999"))


def shown(value: Any, unit: str, decimals: Any = None) -> str:
    """A value as Grafana writes it, roughly."""
    if value is None:
        return "–"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    if not isinstance(value, (int, float)):
        return escape(str(value))
    digits = int(decimals) if decimals is not None else (0 if abs(value) >= 100 or value == int(value) else 1)
    if unit == "percentunit":
        return f"{value * 100:.{digits}f}%"
    suffix = unit.removeprefix("suffix:") if unit.startswith("suffix:") else {"m": " min", "s": " s"}.get(unit, "")
    return f"{value:.{digits}f}{suffix}"


def _svg(inside: str) -> str:
    return f'<svg viewBox="-60 -10 {W + 70:.0f} {H + 50:.0f}" preserveAspectRatio="none">{inside}</svg>'


def _axis(top: float, marks: Sequence[tuple[float, str]], unit: str = "short", *, log: bool = False) -> str:
    lines = "".join(
        f"<line x1=0 x2={W:.0f} y1={H * (1 - part):.1f} y2={H * (1 - part):.1f} class=grid />"
        f"<text x=-6 y={H * (1 - part) + 5:.1f} text-anchor=end>{shown(top * part, unit)}</text>"
        for part in (0, 0.5, 1)
    )
    step = max(1, len(marks) // 12)
    return lines + "".join(
        f"<text x={x:.1f} y={H + 25:.1f} text-anchor=middle>{escape(text)}</text>" for x, text in marks[::step]
    )


def _legend(panel: Panel, names: Sequence[str]) -> str:
    if len(names) < 2:
        return ""
    return "<div class=legend>" + "".join(
        f'<span><i style="background:{colour_of(panel, name)}"></i>'
        f"{escape(str(properties(panel, name).get('displayName', name)))}</span>"
        for name in names
    ) + "</div>"  # fmt: skip


def _columns(
    panel: Panel, marks: Sequence[str], lines: dict[str, list[float]], *, stack: str = "none", unit: str = ""
) -> str:
    """Bars side by side or one upon another."""
    sums = [sum(line[place] for line in lines.values()) for place in range(len(marks))]
    if stack == "percent":
        lines = {
            name: [value / whole if whole else 0 for value, whole in zip(line, sums, strict=True)]
            for name, line in lines.items()
        }
        sums = [1.0] * len(marks)
    top = max([*(sums if stack != "none" else []), *(value for line in lines.values() for value in line), 1e-9])
    slot = W / max(1, len(marks))
    under = [0.0] * len(marks)
    drawn = []
    for number, (name, line) in enumerate(lines.items()):
        width = slot * 0.9 if stack != "none" else slot * 0.9 / len(lines)
        for place, value in enumerate(line):
            height = H * value / top
            x = slot * place + slot * 0.05 + (0 if stack != "none" else width * number)
            y = H - height - (under[place] if stack != "none" else 0)
            under[place] += height
            drawn.append(
                f'<rect x={x:.1f} y={y:.1f} width={width:.1f} height={height:.1f} fill="{colour_of(panel, name)}" />'
            )
    unit = unit or str(panel["fieldConfig"]["defaults"]["unit"])
    ticks = [(slot * (place + 0.5), mark) for place, mark in enumerate(marks)]
    return _svg(_axis(top, ticks, unit) + "".join(drawn)) + _legend(panel, list(lines))


def _barchart(panel: Panel, table: Table) -> str:
    names, _, rows = table
    x = names.index(panel["options"]["xField"])
    lines = {name: [row[place] or 0 for row in rows] for place, name in enumerate(names) if place != x}
    return _columns(panel, [str(row[x]) for row in rows], lines, stack=panel["options"].get("stacking", "none"))


def _histogram(panel: Panel, table: Table) -> str:
    """Grafana counts the rows of each bucket itself."""
    (name,), _, rows = table
    size = panel["options"]["bucketSize"]
    counts: dict[int, float] = {}
    for (value,) in rows:
        bucket = int(value // size)
        counts[bucket] = counts.get(bucket, 0) + 1
    buckets = range(min(counts), max(counts) + 1)
    marks = [f"{bucket * size}–{(bucket + 1) * size}" for bucket in buckets]
    return _columns(panel, marks, {name: [counts.get(bucket, 0) for bucket in buckets]}, unit="short")


def lines_of(table: Table) -> tuple[list[datetime], dict[str, list[float | None]]]:
    """Times and values of each line, of both forms that a time series comes in."""
    names, types, rows = table
    times = sorted({row[0] for row in rows})
    if "String" not in types[1]:
        return times, {name: [row[place + 1] for row in rows] for place, name in enumerate(names[1:])}
    known = {(row[0], row[1]): row[2] for row in rows}
    return times, {name: [known.get((at, name)) for at in times] for name in sorted({row[1] for row in rows})}


def _timeseries(panel: Panel, table: Table) -> str:
    times, lines = lines_of(table)
    custom = panel["fieldConfig"]["defaults"].get("custom", {})
    if custom.get("drawStyle") == "bars":
        filled = {name: [value or 0.0 for value in line] for name, line in lines.items()}
        stack = custom.get("stacking", {}).get("mode", "none")
        return _columns(panel, [at.strftime("%m-%d") for at in times], filled, stack=stack)
    values = [value for line in lines.values() for value in line if value is not None]
    top = max([*values, custom.get("axisSoftMax") or 0, 1e-9])
    first, span = times[0], max(1.0, (times[-1] - times[0]).total_seconds())
    places = [W * (at - first).total_seconds() / span for at in times]
    drawn = "".join(
        f'<polyline points="{" ".join(f"{x:.1f},{H - H * value / top:.1f}" for x, value in zip(places, line, strict=True) if value is not None)}" '  # noqa: E501
        f'fill=none stroke="{colour_of(panel, name)}" stroke-width=3 />'
        for name, line in lines.items()
    )
    ticks = [(x, at.strftime("%m-%d")) for x, at in zip(places, times, strict=True)]
    unit = str(panel["fieldConfig"]["defaults"]["unit"])
    return _svg(_axis(top, ticks, unit) + drawn) + _legend(panel, list(lines))


def _xychart(panel: Panel, table: Table) -> str:
    """Grafana takes the first number for x, the others for y."""
    names, types, rows = table
    x, y = (place for place, kind in enumerate(types) if "String" not in kind)
    fields = [properties(panel, names[place]) for place in (x, y)]
    log = (fields[1].get("custom.scaleDistribution") or {}).get("type") == "log"

    def scaled(value: float) -> float:
        return math.log10(max(value, 1)) if log else value

    right = fields[0].get("max") or max(row[x] for row in rows)
    top = max(1e-9, *(scaled(row[y]) for row in rows))
    dots = "".join(
        f"<circle cx={W * row[x] / right:.1f} cy={H - H * scaled(row[y]) / top:.1f} r=5 "
        f'fill="{colour_of(panel, names[y])}" fill-opacity=0.6 />'
        for row in rows
    )
    ticks = [(W * part, shown(right * part, "short")) for part in (0, 0.25, 0.5, 0.75, 1)]
    label = f"{fields[0].get('custom.axisLabel')} → {fields[1].get('custom.axisLabel')}{' (log)' if log else ''}"
    return _svg(_axis(10**top if log else top, ticks, log=log) + dots) + f"<div class=legend>{escape(label)}</div>"


def _bargauge(panel: Panel, table: Table) -> str:
    names, _, rows = table
    top = max(row[1] for row in rows) or 1
    colour = colour_of(panel, names[1])
    drawn = "".join(
        f"<tr><td>{escape(str(name))}</td><td width=50%>{_bar(value / top, colour, shown(value, 'short'))}</td></tr>"
        for name, value in rows
    )
    return f"<table>{drawn}</table>"


def _bar(part: float, colour: str, text: str) -> str:
    return f'<div class=bar><i style="width:{part * 80:.0f}%;background:{colour}"></i>{text}</div>'


def _table(panel: Panel, table: Table) -> str:
    names, _, rows = table
    fields = [properties(panel, name) for name in names]
    numbers = [value for row in rows for value in row if isinstance(value, (int, float))]
    head = "".join(
        f"<th>{escape(str(field.get('displayName', name)))}</th>"
        for name, field in zip(names, fields, strict=True)
        if not field.get("custom.hidden")
    )
    body = ""
    for row in rows:
        body += "<tr>"
        for place, (value, field) in enumerate(zip(row, fields, strict=True)):
            if not field.get("custom.hidden"):
                body += f"<td>{_cell(value, field, [other[place] for other in rows], numbers)}</td>"
        body += "</tr>"
    return f"<table><tr>{head if panel['options'].get('showHeader', True) else ''}</tr>{body}</table>"


def _cell(value: Any, field: dict[str, Any], column: Sequence[Any], numbers: Sequence[float]) -> str:
    kind = (field.get("custom.cellOptions") or {}).get("type")
    mapped = {mark: look.get("text") for one in field.get("mappings", ()) for mark, look in one["options"].items()}
    text = mapped.get(str(value).removesuffix(".0")) or shown(value, field["unit"], field.get("decimals"))
    if kind == "image":
        return f'<div class=cover style="background:hsl({sum(map(ord, str(value))) * 37 % 360} 50% 45%)"></div>'
    if kind == "gauge" and value is not None:
        top = field.get("max") or max(other for other in column if other is not None) or 1
        return _bar(value / top, css((field.get("color") or {}).get("fixedColor", "#999")), text)
    if isinstance(value, (int, float)) and (field.get("color") or {}).get("mode") == "continuous-purples":
        return f'<div style="background:rgba(184,119,217,{value / (max(numbers) or 1):.2f})">{text}</div>'
    return text


def _stat(panel: Panel, table: Table) -> str:
    """The last value of each field, or the sum over time where the panel says so."""
    names, types, rows = table
    (calculation,) = panel["options"]["reduceOptions"]["calcs"] or ["lastNotNull"]
    drawn = ""
    if panel["options"]["reduceOptions"].get("values"):  # a figure for each row, named by its text
        for *texts, value in rows:
            figure = shown(value, properties(panel, names[-1])["unit"])
            drawn += f"<div><b>{figure}</b><br>{escape(str(texts[0] if texts else names[-1]))}</div>"
        return f"<div class=stat>{drawn}</div>"
    for place, name in enumerate(names):
        if types[place].startswith("DateTime"):
            continue
        values = [row[place] for row in rows if row[place] is not None]
        value = sum(values) if calculation == "sum" else (values[-1] if values else None)
        field = properties(panel, name)
        figure = shown(value, field["unit"], field.get("decimals"))
        drawn += f'<div><b style="color:{colour_of(panel, name)}">{figure}</b><br>{escape(name)}</div>'
    return f"<div class=stat>{drawn}</div>"


def _statetimeline(panel: Panel, table: Table) -> str:
    _, _, rows = table
    painted = {
        text: look["color"]
        for mapping in panel["fieldConfig"]["defaults"].get("mappings", ())
        for text, look in mapping["options"].items()
    }
    first, span = rows[0][0], max(1.0, (rows[-1][0] - rows[0][0]).total_seconds())
    changes = [row for place, row in enumerate(rows) if place == 0 or row[1] != rows[place - 1][1]]
    drawn = ""
    for (starts, state), (ends, _) in zip(changes, [*changes[1:], rows[-1]], strict=True):
        if state is not None:
            x, until = (W * (at - first).total_seconds() / span for at in (starts, ends))
            drawn += f'<rect x={x:.1f} y=120 width={max(1.0, until - x):.1f} height=160 fill="{css(painted.get(state, "purple"))}" />'  # noqa: E501
            drawn += f"<text x={x + 5:.1f} y=205>{escape(state) if until - x > 120 else ''}</text>"
    return _svg(drawn)


def _statushistory(panel: Panel, table: Table) -> str:
    times, lines = lines_of(table)
    top = max((value or 0 for line in lines.values() for value in line), default=1) or 1
    width, height = W / len(times), H / len(lines)
    drawn = ""
    for number, (name, line) in enumerate(lines.items()):
        drawn += f"<text x=-6 y={height * (number + 0.6):.1f} text-anchor=end>{escape(name)}</text>"
        for place, value in enumerate(line):
            drawn += (
                f"<rect x={width * place:.1f} y={height * number:.1f} width={width * 0.9:.1f} height={height * 0.9:.1f}"
                f' fill="#b877d9" fill-opacity={(value or 0) / top:.2f} />'
            )
    return _svg(drawn)


_KINDS: dict[str, Callable[[Panel, Table], str]] = {
    "barchart": _barchart,
    "bargauge": _bargauge,
    "gauge": _stat,
    "histogram": _histogram,
    "stat": _stat,
    "state-timeline": _statetimeline,
    "status-history": _statushistory,
    "table": _table,
    "timeseries": _timeseries,
    "xychart": _xychart,
}
