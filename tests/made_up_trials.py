"""Claims and trials made up for tests: small, complete, and easy to spoil in one place."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd

from analysis.claims import model
from analysis.claims.needs import data_needed
from analysis.study import Study

FIELDS = {
    "bont_units": model.Field("units", "the dose", "number", "sample", None, ("botox_units",)),
    "antibiotic_last_days": model.Field("days since antibiotics", "they move it more", "days", "sample"),
    "host_body_mass_index": model.Field(
        "BMI", "moves it", "kg/m2", "subject", "host_body_mass_index", ("bmi",)
    ),
}
ALPHA = model.Endpoint("Shannon diversity", "shannon", "nats", "16S", "made up", mean=3.0, sd=0.3, icc=0.5)
EFFECT = model.Effect("lower", "percent", 10.0, 10.0, "made up", "made up")


def make_claim(host="mouse", kind="alpha", endpoint=ALPHA, effect=EFFECT, fields=FIELDS, **changes):
    """Return a claim with days -7, 0 before and 14, 28 after, and a plan that is worked out at once."""
    trial = model.Trial(
        "adults", "saline", "double", (-7, 0), (14, 28), "the toxin works then", window=3,
        cluster_size=2 if host == "mouse" else 1,
    )  # fmt: skip
    given = {
        "id": "made_up", "statement": "It lowers it.", "question": "By how much?", "paragraph": 1,
        "kind": kind, "host": host,
        "supports": "a", "refutes": "b", "evidence": (), "fields": fields, "sources": {},
        "article": model.Article("Title", "https://example.org", date(2026, 1, 1), 5),
        "exposure": model.Exposure("onabotulinumtoxinA", 0.05, 2.2, "muscle", 1, "made up"),
        "endpoint": endpoint, "effect": effect, "trial": trial,
        "depth": model.Depth(0.01, 0.95, 1, "made up"), "test": "ANCOVA",
        "beyond_16s": (model.Beyond("absolute load", "qPCR of 16S copies"),),
    }  # fmt: skip
    return model.Claim(**(given | changes))


MICE, PEOPLE = make_claim(), make_claim("human")
DEPTH = data_needed(MICE).depth


def make_study(n_per_arm=4, days=(-7, 0, 14, 28), reads=2, arms=("Botox", "saline"), counts=None, **roles):
    """Return a trial in mice: two a cage, cages of one arm, every mouse on every day."""
    rows = [
        {"mouse": f"m{arm}{n}", "cage": f"c{arm}{n // 2}", "day": day, "arm": level, "host": "mouse"}
        for arm, level in enumerate(arms)
        for n in range(n_per_arm)
        for day in days
    ]
    metadata = pd.DataFrame(rows, index=[f"s{n}" for n in range(len(rows))])
    if counts is None:
        counts = np.random.default_rng(0).poisson(reads * DEPTH / 10, (len(rows), 10)) + 1
    table = pd.DataFrame(counts, index=metadata.index, columns=[f"f{n}" for n in range(10)])
    named = {"subject": "mouse", "time": "day", "cluster": "cage", "treatment": "arm", "reference": arms[-1]}
    if roles.get("treatment", "arm") is None:
        named["reference"] = None
    return Study.from_frame(table, metadata, name="made up").with_roles(**(named | roles))


def with_columns(study, **columns):
    """Return the study with more columns, or other values in its own, and the same roles."""
    return replace(study, metadata=study.metadata.assign(**columns))
