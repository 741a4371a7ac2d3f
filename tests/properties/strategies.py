"""Small studies of every odd kind: empty samples, ties, one feature, huge counts, ids that trip readers."""

import numpy as np
import pandas as pd
from hypothesis import note, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps
from scipy import sparse
from skbio import TreeNode

from analysis.study import Study
from analysis.taxonomy import RANKS

ODD_IDS = (
    "0",
    "007",
    "1.0",
    "1e3",
    "10",
    "9",
    "NA",
    "nan",
    "True",
    "a b",
    " a",
    "é",
    "e\u0301",
    "日本",
    "'q'",
    "B",
    "b",
)
ODD_NAMES = (
    "",
    "",
    "Blautia",
    "Escherichia-Shigella",
    "[Ruminococcus]",
    "Ωmega",
    "10",
    "x y",
    "Blautia (unclassified)",
)
RARE, COMMON, HUGE = st.integers(0, 3), st.integers(0, 2_000), st.integers(0, 2**53)


def examples(share: float) -> settings:
    """Search this share of the profile's examples: for what takes long."""
    return settings(max_examples=max(2, round(share * settings.default.max_examples)))


def ids(n):
    """Any n names: any text that is not blank, in any order."""
    text = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=6)
    return st.lists(
        st.sampled_from(ODD_IDS) | text.filter(lambda name: not name.isspace()),
        min_size=n,
        max_size=n,
        unique=True,
    )


def orders(n):
    return st.permutations(range(n)).map(list)


@st.composite
def trees(draw, tips):
    """A rooted tree of these tips and two others, with branches of no length among the rest."""
    lengths = st.sampled_from([0.0, 0.5, 1.0]) | st.floats(1e-3, 10)
    clades = [TreeNode(name, draw(lengths)) for name in [*tips, "other tip 1", "other tip 2"]]
    while len(clades) > 2:
        children = [clades.pop(draw(st.integers(0, len(clades) - 1))) for _ in range(2)]
        clades.append(TreeNode(length=draw(lengths), children=children))
    return TreeNode(children=clades)


@st.composite
def lineages(draw, features):
    rows = draw(
        st.lists(st.tuples(*[st.sampled_from(ODD_NAMES)] * 3), min_size=len(features), max_size=len(features))
    )
    columns = ["Phylum", "Family", "Genus"]
    table = pd.DataFrame(rows, index=features, columns=columns, dtype=str)
    return table.reindex(columns=RANKS, fill_value="")


@st.composite
def studies(
    draw,
    *,
    samples=(1, 6),
    features=(1, 7),
    empty=False,
    counts=RARE | COMMON | HUGE,
    tree=False,
    taxonomy=False,
):
    """A study of counts; without `empty` each sample has a read, while features may have none in any case."""
    n, p = draw(st.integers(*samples)), draw(st.integers(*features))
    table = draw(nps.arrays(np.int64, (n, p), elements=counts, fill=st.just(0)))
    if not empty:
        bare = np.flatnonzero(table.sum(axis=1) == 0)
        table[bare, bare % p] = 1
    sample_ids, feature_ids = draw(ids(n)), draw(ids(p))
    note(f"{table.tolist()} of samples {sample_ids} and features {feature_ids}")
    return Study(
        sparse.csr_array(table),
        pd.Index(sample_ids),
        pd.Index(feature_ids),
        metadata=pd.DataFrame({"row": range(n)}, index=sample_ids),
        taxonomy=draw(lineages(feature_ids)) if taxonomy else None,
        tree=draw(trees(feature_ids)) if tree else None,
    )


@st.composite
def shuffled(draw, study):
    """The same study with samples and features in another order."""
    rows, columns = draw(orders(study.shape[0])), draw(orders(study.shape[1]))
    return study.select(samples=study.sample_ids[rows], features=study.feature_ids[columns])


@st.composite
def pairs(draw, **kind):
    """A study, and the same one in another order."""
    study = draw(studies(**kind))
    return study, draw(shuffled(study))
