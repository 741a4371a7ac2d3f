"""Arguments of the wrong type meet an error of this package that explains itself, never a raw TypeError."""

import inspect
import warnings

import numpy as np
import pandas as pd
import pytest

import analysis as an
from analysis.errors import AnalysisError
from analysis.taxa.panels import load_panels

WRONG = {
    "None": None,
    "a number as text": "0.2",
    "a word": "x",
    "a fraction": 3.7,
    "below 0": -2,
    "nan": float("nan"),
    "a complex number": 1j,
    "True": True,
    "an object": object(),
    "a list of whole numbers": [1, 2],
    "a ragged list": [["a", 1], [2]],
    "a dict": {"a": 1},
    "an array of three dimensions": np.zeros((2, 3, 2)),
    "a Series": pd.Series([1.0, 2.0]),
    "a DataFrame": pd.DataFrame({"a": [1, 2]}),
}

_rng = np.random.default_rng(0)
_ids = [f"s{row}" for row in range(12)]
_columns = pd.DataFrame(
    {
        "drug": ["no"] * 6 + ["yes"] * 6,
        "mouse": [f"m{row % 6}" for row in range(12)],
        "day": [0] * 6 + [1] * 6,
    },
    index=_ids,
)
_table = pd.DataFrame(_rng.integers(1, 90, (12, 6)), index=_ids, columns=list("uvwxyz"))
_lineages = ["d__Bacteria;g__Escherichia-Shigella"] * 3 + ["d__Bacteria;g__Blautia"] * 3
_study = an.Study.from_frame(_table, _columns, pd.DataFrame({"Taxon": _lineages}, index=_table.columns))
_points = _rng.random((12, 3))
_distances = pd.DataFrame(np.sqrt(((_points[:, None] - _points) ** 2).sum(axis=2)), index=_ids, columns=_ids)
_values = pd.Series(_rng.random(12), index=_ids)

# name: (function, arguments that it accepts)
CALLS = {
    "alpha_diversity": (an.alpha_diversity, {"study": _study, "depth": 20, "iterations": 2}),
    "beta_diversity": (
        an.beta_diversity,
        {"study": _study, "metric": "aitchison", "depth": 20, "iterations": 2},
    ),
    "pcoa": (an.pcoa, {"distances": an.beta_diversity(_study)}),
    "rarefy": (an.rarefy, {"study": _study, "depth": 20}),
    "rarefaction_curve": (
        an.rarefaction_curve,
        {"study": _study, "metric": "shannon", "depths": [5, 10], "iterations": 2},
    ),
    "permanova": (
        an.permanova,
        {"distances": _distances, "metadata": _columns, "factor": "drug", "permutations": 19},
    ),
    "compare_means": (
        an.compare_means,
        {"values": _values, "metadata": _columns, "treatment": "drug", "reference": "no"},
    ),
    "variance_components": (an.variance_components, {"values": _values, "subject": _columns["mouse"]}),
    "differential_abundance": (
        an.differential_abundance,
        {"study": _study, "treatment": "drug", "reference": "no", "method": "clr"},
    ),
    "panel_scores": (an.panel_scores, {"study": _study, "panel": "escherichia_shigella"}),
    "load_panels": (load_panels, {}),
    "Study": (
        an.Study,
        {"counts": _study.counts, "sample_ids": _study.sample_ids, "feature_ids": _study.feature_ids},
    ),
    "Study.from_frame": (an.Study.from_frame, {"table": _table}),
    "with_roles": (_study.with_roles, {"time": "day", "treatment": "drug"}),
    "column": (_study.with_roles(time="day").column, {"role": "time"}),
    "select": (_study.select, {}),
    "collapse": (_study.collapse, {"rank": "Genus"}),
}
ARGUMENTS = [
    (name, argument) for name, (call, _) in CALLS.items() for argument in inspect.signature(call).parameters
]


@pytest.mark.parametrize("name", CALLS)
def test_the_right_arguments_pass(name):
    call, right = CALLS[name]
    assert call(**right) is not None


@pytest.mark.parametrize(("name", "argument"), ARGUMENTS, ids=lambda text: text)
def test_an_argument_of_the_wrong_type_is_refused_in_words(name, argument):
    call, right = CALLS[name]
    refused = [what for what, value in WRONG.items() if is_refused(call, {**right, argument: value})]
    assert len(refused) >= (0 if argument in LENIENT.get(name, ()) else 5), refused


def is_refused(call, arguments):
    """Say whether a call is refused in words; any other error goes through, and fails the test."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            call(**arguments)
    except AnalysisError:
        return True
    return False


# Anything goes: what has a meaning as truth or text.
LENIENT = {
    "alpha_diversity": ("drop_shallow",),
    "beta_diversity": ("drop_shallow",),
    "rarefy": ("drop_shallow",),
    "Study.from_frame": ("name",),
}


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("alpha_diversity", {"metrics": None}),
        ("alpha_diversity", {"base": "2"}),
        ("alpha_diversity", {"study": _table}),
        ("beta_diversity", {"pseudocount": None}),
        ("panel_scores", {"pseudocount": "0.5"}),
        ("differential_abundance", {"seed": "a"}),
        ("compare_means", {"margin": "0.2"}),
        ("compare_means", {"seed": "a"}),
        ("permanova", {"permutations": "99"}),
        ("permanova", {"alpha": "x"}),
        ("Study", {"counts": [[1, 2], [3, 4]]}),
    ],
)
def test_the_argument_is_named(name, arguments):
    call, right = CALLS[name]
    with pytest.raises(AnalysisError) as caught:
        call(**{**right, **arguments})
    assert next(iter(arguments)) in str(caught.value)
