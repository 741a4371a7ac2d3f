"""The paragraph of a protocol that goes with a setting of the planner.

The words are templates, looked up and filled in the same way here and in the page's script, so that both
write the same text.
"""

from __future__ import annotations

import re

from analysis import __version__
from analysis.planner.grid import Found, load_grid
from analysis.planner.settings import N_SIM, PERMUTATIONS, SEED, Question, Setting
from analysis.planning.endpoints import MeanEndpoint

_PLACE = re.compile(r"\{(\w+)\}")
_EFFECTS = {
    "shannon": "a fall of Shannon diversity by {effect} %",
    "panel": "a rise of the panel's ratio to {effect} times",
    "composition": "arms that explain {effect} of the variance of Bray-Curtis distances (omega squared)",
}
_IN_CODE = {
    "shannon": "endpoint.percent(-{effect})",
    "panel": "math.log({effect})",
    "composition": "{effect}",
}
#: Which control each of the words is looked up by.
LOOKED_UP = {
    "housing": "cage",
    "unit": "cage",
    "close": "cage",
    "before": "baseline",
    "after": "follow_up",
    "test": "baseline",
}
_UNEVEN = (
    " Where losses leave cages uneven that is close, not exact: to about .03 of the power, .05 with few "
    "cages; simulate the trial before it is registered."
)
_STOOLS = ("no stool", "1 stool", "2 stools", "3 stools", "4 stools")


def protocol_text(setting: Setting) -> str:
    """Write the sample size paragraphs for a setting.

    Parameters
    ----------
    setting : Setting
        A position of all the planner's controls.

    Returns
    -------
    str
        Paragraphs with an empty line between them.

    Examples
    --------
    >>> import analysis as an
    >>> trial = {"baseline": 2, "follow_up": 2, "cage": 2, "dropout": 10, "power": 90}
    >>> setting = an.planner.Setting("mice", "shannon", effect=5, **trial)
    >>> print(an.planner.protocol_text(setting).splitlines()[0][:72])
    Design: a randomised trial with two parallel arms, 58 mice in each and 1
    """
    words, found = words_of(setting.question), load_grid().found(setting)
    values = as_shown(setting, found) | {
        name: words[name][_place(setting, by)] for name, by in LOOKED_UP.items()
    }
    text = "\n\n".join(words["paragraphs"])
    for _ in range(2):  # what is filled in may have places of its own
        text = _PLACE.sub(lambda match: values[match[1]], text)
    return text


def as_shown(setting: Setting, found: Found) -> dict[str, str]:
    """Return the figures of a setting as the page shows them."""
    counts = {
        "n": found.n_per_arm,
        "total": found.total,
        "cages": found.cages,
        "analysed": found.analysed_per_arm,
        "stools": found.stools,
        "reads": found.reads,
        "low": found.n_low or 0,
        "high": found.n_high or 0,
    }
    shares = {
        "reached": found.power,
        "se": found.power_se,
        "type_i": found.type_i,
        "type_i_se": found.type_i_se,
    }
    controls = {
        "effect": setting.effect,
        "baseline": setting.baseline,
        "follow_up": setting.follow_up,
        "cage": setting.cage,
        "dropout": setting.dropout,
        "asked": setting.power,
        "dropout_share": setting.dropout / 100,
        "asked_share": setting.power / 100,
    }
    return (
        {name: f"{value:,}" for name, value in counts.items()}
        | {name: f"{value:.3f}" for name, value in shares.items()}
        | {name: f"{value:g}" for name, value in controls.items()}
    )


def words_of(question: Question) -> dict[str, list[str]]:
    """Return the templates of a question, and the words that depend on a control, by its place.

    Parameters
    ----------
    question : Question
        The host and endpoint.

    Returns
    -------
    dict of str to list of str
        "paragraphs", and under each name of `LOOKED_UP` the words for the first, second ... value of the
        control.
    """
    sizes = [int(size) for size in question.axes["cage"].values]
    single = {
        "mice": (", each housed alone and assigned by chance", "the means of each mouse"),
        "people": (", assigned by chance, one by one", "the means of each person"),
    }[question.host]
    caged = (
        ", in {cages} cages of at most {cage}; whole cages are assigned by chance and analysed",
        "cage means",
    )
    return {
        "paragraphs": _paragraphs(question),
        "housing": [(caged if size > 1 else single)[0] for size in sizes],
        "unit": [(caged if size > 1 else single)[1] for size in sizes],
        "close": [_UNEVEN if size > 1 and not question.simulated else "" for size in sizes],
        "before": [_STOOLS[int(value)] for value in question.axes["baseline"].values],
        "after": [_STOOLS[int(value)] for value in question.axes["follow_up"].values],
        "test": [_test(question, int(value)) for value in question.axes["baseline"].values],
    }


def _test(question: Question, baseline: int) -> str:
    if question.simulated:
        return "PERMANOVA of Bray-Curtis distances after the treatment"
    if baseline:
        return "analysis of covariance of {unit} after the treatment, given those before"
    return "two-sample t test of {unit} after the treatment"


def _paragraphs(question: Question) -> list[str]:
    if question.simulated:
        spread, size = " ± {se}; the search leaves {low} to {high} an arm", " ± {type_i_se}"
        how = f"{N_SIM} simulated trials with {PERMUTATIONS} permutations each"
        samples = "{after} after the treatment began (none before it enters this test)"
    else:
        spread, size, how = "", "", "closed form, for normal values"
        samples = "{before} before the treatment and {after} after it began"
    effect, noise = _EFFECTS[question.endpoint], " ".join(question.claim.endpoint.noise.split())
    design = (
        f"Design: a randomised trial with two parallel arms, {{n}} {question.host} in each and {{total}} in "
        "all{housing}. Losses of {dropout} % are made up for: {analysed} an arm are analysed."
    )
    finds = (
        f"Sample size: {{n}} an arm find {effect} with a probability of {{reached}}{spread} ({{asked}} % "
        "were asked for), two-sided alpha 0.05. Test: {test}. Without an effect it rejects in {type_i}"
        f"{size} of the trials. Worked out by {how}.{{close}}"
    )
    limits = (
        "To show that there is no such effect takes an equivalence test, and a number of its own: see the "
        f"protocol of the claim {question.claim_id}. No table behind these figures is about botulinum toxin."
    )
    return [
        design,
        f"Samples, each: {samples}; {{stools}} in all, and {{reads}} reads at {question.reads:,} a stool.",
        finds,
        f"Noise supposed: {noise}",
        limits,
        f"In Python (analysis {__version__}):\n{_code(question)}",
    ]


def _code(question: Question) -> str:
    """Return the call that gives the numbers."""
    noise = question.noise
    cage = ", cluster_size={cage}" if question.host == "mice" else ""
    design = f"an.Design(baseline={{baseline}}, follow_up={{follow_up}}{cage}, dropout={{dropout_share}})"
    drawn = ""
    if isinstance(noise, MeanEndpoint):
        shares = f"icc={noise.icc:g}, cluster_icc={noise.cluster_icc:g}"
        lowest = ", lowest=None" if noise.lowest is None else ""
        endpoint = f"an.MeanEndpoint({noise.mean!r}, {noise.sd!r}, {shares}{lowest})"
    else:
        endpoint = f'an.CommunityEndpoint(an.pilots.load_pilot("{noise.pilot.name}"), icc={noise.icc:g})'
        drawn = f", n_sim={N_SIM}, permutations={PERMUTATIONS}, seed={SEED}"
    imports = "import math\n" if question.endpoint == "panel" else ""
    effect = _IN_CODE[question.endpoint]
    return (
        f"{imports}import analysis as an\nendpoint = {endpoint}\n"
        f"an.sample_size({design}, endpoint, {effect}, power={{asked_share}}{drawn})"
    )


def _place(setting: Setting, control: str) -> int:
    return setting.question.axes[control].place(getattr(setting, control))
