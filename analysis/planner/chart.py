"""The planner's two pictures: the power curve, and what one step of each control would change."""

from __future__ import annotations

import base64
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from analysis.planner.grid import load_grid
from analysis.planner.settings import BEGIN, CONTROLS, QUESTIONS
from analysis.plots.style import COLOURS

if TYPE_CHECKING:
    import altair as alt

#: Controls as the page names them; effects have one each, as their steps differ.
HOSTS = {"mice": "mice", "people": "people"}
ENDPOINTS = {
    "shannon": "Shannon diversity",
    "panel": "pathobiont panel (log-ratio)",
    "composition": "composition (Bray-Curtis)",
}
LABELS = {
    "host": "Who",
    "endpoint": "What is measured",
    "effect_shannon": "Effect: Shannon falls by, %",
    "effect_panel": "Effect: the panel's ratio rises, times",
    "effect_composition": "Effect: variance explained (omega squared)",
    "baseline": "Stools before, each",
    "follow_up": "Stools after, each",
    "cage": "Mice a cage",
    "dropout": "Losses, %",
    "power": "Power, %",
}
#: One step of a control, as the second picture names it: the words, and the steps.
STEPS = (
    ("as set", {}),
    ("one stool more before", {"baseline": 1}),
    ("one stool fewer before", {"baseline": -1}),
    ("one stool more after", {"follow_up": 1}),
    ("one stool fewer after", {"follow_up": -1}),
    ("one mouse more a cage", {"cage": 1}),
    ("one mouse fewer a cage", {"cage": -1}),
    ("10 points fewer losses", {"dropout": -1}),
    ("power 10 points lower", {"power": -1}),
    ("power 10 points higher", {"power": 1}),
    ("next larger effect", {"effect": 1}),
    ("next smaller effect", {"effect": -1}),
)
ALT = (
    f"Power against the number of {BEGIN.host} an arm, with the number for a power of {BEGIN.power:g} % "
    "marked; below it, bars of the number in all as it is set and with each control moved by one step."
)
_FEW = {"tickCount": 6, "tickMinStep": 1}  # whole subjects, and room on a phone
_TITLES = {
    "curve": (
        "Power, by the number in each arm",
        "Power against the number in each arm; a diamond marks the number for the power asked for.",
    ),
    "steps": (
        "The number in all, with one control moved by a step",
        "Bars of the number in all: as set, and with each control moved by one step.",
    ),
}
_BEGINNINGS = {"shannon": BEGIN.effect, "panel": 2, "composition": 0.02}


class Pictures:
    """The planner in a notebook: it moves in JupyterLab, and elsewhere it is a static picture.

    No script and no address is needed to show either.
    """

    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec = spec

    def _repr_mimebundle_(self, **_: object) -> tuple[dict[str, Any], dict[str, Any]]:
        import vl_convert

        # JupyterLab knows Vega 5; other viewers take the picture.
        spec = vl_convert.vegalite_to_vega(self.spec, vl_version="5.20")
        picture = base64.b64encode(planner_picture()).decode()
        bundle = {"application/vnd.vega.v5+json": spec, "image/png": picture, "text/plain": ALT}
        return bundle, {"image/png": {"alt": ALT}}


def planner_chart() -> Pictures:
    """Return the planner for a notebook, with its controls.

    Returns
    -------
    Pictures
        In JupyterLab controls and pictures; in the committed notebook, and wherever scripts are off, the
        picture at the setting that the planner begins with. `planner_page` writes the whole planner.

    Examples
    --------
    >>> import analysis as an
    >>> planner = an.planner.planner_chart()
    >>> "vconcat" in planner.spec
    True
    """
    import altair as alt

    return Pictures(_with_params(alt.vconcat(curve_chart(520), steps_chart(520)), controls=True))


@lru_cache(maxsize=1)
def planner_picture() -> bytes:
    """Return the planner's pictures at the setting it begins with, as a PNG.

    Returns
    -------
    bytes
        A PNG file.

    Examples
    --------
    >>> import analysis as an
    >>> an.planner.planner_picture()[1:4]
    b'PNG'
    """
    import altair as alt
    import vl_convert

    spec = _with_params(alt.vconcat(curve_chart(520), steps_chart(520)), controls=False)
    return vl_convert.vegalite_to_png(spec | {"background": "white"}, scale=1.0)


def page_charts() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the two pictures as Vega-Lite, as wide as the page; the first brings the controls.

    The second has the controls' values too, and the page hands them on.
    """
    curve, steps = curve_chart("container"), steps_chart("container")
    return _with_params(curve, controls=True), _with_params(steps, controls=False)


def curve_chart(width: int | str) -> alt.LayerChart:
    """Return the power curve at a setting of the controls, without the controls."""
    import altair as alt

    points = alt.Chart(alt.sequence(0, _most_points(), as_="point")).transform_calculate(
        n="b.curve_n ? b.curve_n[row * b.points + datum.point] : b.n[row * b.points + datum.point]",
        power="(b.curve_n ? b.curve_power : b.reached)[row * b.points + datum.point] / 1000",
        se="b.curve_n ? b.curve_se[row * b.points + datum.point] / 1000 : 0",
        low="max(0, datum.power - 2 * datum.se)",
        high="min(1, datum.power + 2 * datum.se)",
    )
    points = points.transform_filter("datum.point < b.points && datum.n > 0")
    x = alt.X("n:Q", title="Subjects in each arm", scale=alt.Scale(zero=True), axis=alt.Axis(**_FEW))
    share = alt.Axis(format="%", values=[0, 0.2, 0.4, 0.6, 0.8, 1])
    y = alt.Y("power:Q", title="Power", scale=alt.Scale(domain=[0, 1]), axis=share)
    seen = [
        alt.Tooltip("n:Q", title="in each arm"),
        alt.Tooltip("power:Q", title="power", format=".3f"),
        alt.Tooltip("se:Q", title="Monte Carlo error", format=".3f"),
    ]
    line = points.mark_line(color=COLOURS[0], strokeWidth=2).encode(x, y)
    dots = points.mark_point(color=COLOURS[0], filled=True, size=45, opacity=1).encode(x, y, tooltip=seen)
    errors = points.mark_rule(color=COLOURS[0]).encode(x, alt.Y("low:Q", title="Power"), y2="high:Q")
    chosen = alt.Chart(alt.sequence(0, 1, as_="one")).transform_calculate(
        n="n", power="reached", label="format(n, ',') + ' ' + host + ' an arm'"
    )
    mark = chosen.mark_point(color=COLOURS[5], shape="diamond", filled=True, size=170, opacity=1).encode(x, y)
    asked = chosen.transform_calculate(asked="asked").mark_rule(color=COLOURS[5], strokeDash=[5, 4])
    asked = asked.encode(alt.Y("asked:Q", title="Power"))
    # The curve rises: below it on the right, above it on the left, there is room for words.
    right = {"align": "left", "baseline": "top", "dx": 10, "dy": 8, "fontSize": 13, "fontWeight": "bold"}
    left = {**right, "align": "right", "baseline": "bottom", "dx": -8, "dy": -12}
    words = []
    for side, form in (("n < 0.6 * b_most", right), ("n >= 0.6 * b_most", left)):
        said = chosen.transform_calculate(words=f"{side} ? datum.label : ''")
        words.append(said.mark_text(**form).encode(x, y, text="words:N"))
    return _finished(alt.layer(line, errors, dots, asked, mark, *words), width, 260, *_TITLES["curve"])


def steps_chart(width: int | str) -> alt.LayerChart:
    """Return the numbers in all with each control moved by one step, without the controls."""
    import altair as alt

    rows = [
        {"step": words, "order": order, **dict.fromkeys(CONTROLS, 0), **moved}
        for order, (words, moved) in enumerate(STEPS)
    ]
    place = {name: f"(i_{name} + datum.{name})" for name in CONTROLS}
    on_grid = " && ".join(f"{place[name]} >= 0 && {place[name]} < b.axes.{name}[2]" for name in CONTROLS)
    at = _flat_place(place)
    base = (
        alt.Chart(alt.Data(values=rows))
        .transform_filter(on_grid)
        .transform_calculate(
            total=f"2 * b.n[{at}]",
            stools="datum.total * (s_baseline + datum.baseline + s_follow_up + datum.follow_up)",
            label="format(datum.total, ',') + ' ' + host + ', ' + format(datum.stools, ',') + ' stools'",
        )
    )
    names = [words for words, _ in STEPS]
    y = alt.Y("step:N", sort=names, title=None, axis=alt.Axis(labelLimit=200, ticks=False))
    bars = base.mark_bar(height={"band": 0.8}, opacity=0.45).encode(
        alt.X("total:Q", title="Subjects in all", scale=alt.Scale(zero=True), axis=alt.Axis(**_FEW)),
        y,
        color=alt.condition("datum.order == 0", alt.value(COLOURS[5]), alt.value(COLOURS[0])),
        tooltip=[alt.Tooltip("label:N", title="needs")],
    )
    words = base.mark_text(align="left", dx=5, fontSize=12).encode(
        alt.XDatum(0, type="quantitative"), y, text="label:N"
    )
    return _finished(alt.layer(bars, words), width, 310, *_TITLES["steps"])


def _finished(
    chart: alt.LayerChart, width: int | str, height: int, title: str, description: str
) -> alt.LayerChart:
    """Give a picture its size, its words for those who do not see it, and a title where no caption is."""
    chart = chart.properties(width=width, height=height, description=description)
    return chart if width == "container" else chart.properties(title=title)


def _with_params(chart: alt.TopLevelMixin, *, controls: bool) -> dict[str, Any]:
    """Return the Vega-Lite of a chart with the controls, the numbers, and what follows from both."""
    params = [{"name": "grid", "value": load_grid().for_page()}]
    for name in LABELS:
        value, bind = _control(name)
        params.append({"name": name, "value": value} | ({"bind": bind.to_dict()} if controls else {}))
    follows = {
        "b": "grid[host + ' ' + endpoint]",
        "effect": "endpoint == 'shannon' ? effect_shannon : "
        "endpoint == 'panel' ? effect_panel : effect_composition",
    }
    for name in CONTROLS:
        first, step, count = (f"b.axes.{name}[{part}]" for part in range(3))
        follows[f"i_{name}"] = f"clamp(round(({name} - {first}) / {step}), 0, {count} - 1)"
        follows[f"s_{name}"] = f"{first} + {step} * i_{name}"
    place = {name: f"i_{name}" for name in CONTROLS}
    follows |= {
        "row": _flat_place({name: place[name] for name in CONTROLS[:-1]}),
        "cell": "row * b.axes.power[2] + i_power",
        "n": "b.n[cell]",
        "reached": "b.reached[cell] / 1000",
        "asked": "s_power / 100",
        "b_most": "(b.curve_n || b.n)[row * b.points + b.points - 1]",
        "total": "2 * n",
        "cages": "2 * ceil(n / s_cage)",
        "stools": "total * (s_baseline + s_follow_up)",
        "reads": "stools * b.reads_each",
    }
    params += [{"name": name, "expr": expression} for name, expression in follows.items()]
    looks = {"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal"}
    chart = chart.configure(
        background="transparent", font="system-ui, sans-serif", view={"stroke": None}, axis=looks
    )
    return chart.to_dict() | {"params": params}


def _control(name: str) -> tuple[Any, Any]:
    """Return where a control begins, and its kind."""
    import altair as alt

    if name in ("host", "endpoint"):
        options = HOSTS if name == "host" else ENDPOINTS
        bind = alt.binding_select(options=list(options), labels=list(options.values()), name=LABELS[name])
        return getattr(BEGIN, name), bind
    control, _, endpoint = name.partition("_") if name.startswith("effect_") else (name, "", "shannon")
    axis = next(q for q in QUESTIONS if (q.host, q.endpoint) == ("mice", endpoint)).axes[control]
    values = axis.values
    bind = alt.binding_range(min=values[0], max=values[-1], step=axis.step, name=LABELS[name])
    return _BEGINNINGS[endpoint] if control == "effect" else getattr(BEGIN, control), bind


def _flat_place(places: dict[str, str]) -> str:
    """Return the expression of a place in a list that is laid out as the controls are."""
    flat = "0"
    for name, place in places.items():
        flat = f"({flat} * b.axes.{name}[2] + {place})"
    return flat


def _most_points() -> int:
    return max(block.curve["n"].shape[1] for block in load_grid().blocks.values())
