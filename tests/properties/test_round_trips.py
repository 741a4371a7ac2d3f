"""What is written in any format is what is read: counts, ids that trip readers, metadata, lineages, tree."""

import csv
import gzip
import io

import biom
import h5py
import numpy as np
import pandas as pd
import pytest
import strategies as some
from hypothesis import given
from hypothesis import strategies as st

import analysis as an
from analysis.taxonomy import RANKS

COUNTS = some.RARE | some.COMMON | some.HUGE


def lines(rows, delimiter="\t"):
    """Write rows as every spreadsheet does: a cell with a quote or the separator is quoted."""
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def classic(study):
    rows = zip(study.feature_ids, *study.counts.toarray(), strict=True)
    return b"# Constructed from biom file\n" + lines([["#OTU ID", *study.sample_ids], *rows])


def tidy_csv(study):
    rows = ([name, *row] for name, row in zip(study.sample_ids, study.counts.toarray(), strict=True))
    return lines([["sample-id", *study.feature_ids], *rows], ",")


def shared(study):
    rows = (
        ["0.03", name, study.shape[1], *row]
        for name, row in zip(study.sample_ids, study.counts.toarray(), strict=True)
    )
    return lines([["label", "Group", "numOtus", *study.feature_ids], *rows])


def as_biom(study):
    taxonomy = study.taxonomy
    notes = None if taxonomy is None else [{"taxonomy": list(row)} for row in taxonomy.to_numpy()]
    return biom.Table(study.counts.T.toarray().astype(float), study.feature_ids, study.sample_ids, notes)


def biom_json(study):
    return as_biom(study).to_json("tests").encode()


def biom_hdf5(study):
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        as_biom(study).to_hdf5(file, "tests")
    return stream.getvalue()


def newick(node):
    """Quote every name: scikit-bio's own writer leaves 'q' as ''q'', which no reader can tell from ''."""
    below = "(" + ",".join(map(newick, node.children)) + ")" if node.children else ""
    name = "'" + node.name.replace("'", "''") + "'" if node.name else ""
    return below + name + ("" if node.length is None else f":{node.length!r}")


FORMATS = [classic, tidy_csv, shared, biom_json, biom_hdf5]


def is_plain(study):
    """Text formats know no white space around a name, and a comment begins with '#'."""
    names = [*study.sample_ids, *study.feature_ids]
    return all(name == name.strip() and not name.startswith("#") for name in names)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("round trips")


def written(folder, content, name="table"):
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.filterwarnings("ignore::analysis.errors.ScaledCountsWarning")
@pytest.mark.parametrize("write", FORMATS)
@given(study=some.studies(counts=COUNTS).filter(is_plain), packed=st.booleans())
def test_counts_and_ids(write, folder, study, packed):
    content = write(study)
    read = an.read_study(written(folder, gzip.compress(content) if packed else content))
    pd.testing.assert_frame_equal(read.to_frame(), study.to_frame())
    assert read.kind == "counts"


@pytest.mark.filterwarnings("ignore::analysis.errors.ScaledCountsWarning")
@pytest.mark.parametrize("write", [biom_json, biom_hdf5])
@given(study=some.studies(counts=COUNTS, taxonomy=True))
def test_lineages_in_the_table_itself(write, folder, study):
    read = an.read_study(written(folder, write(study)))
    pd.testing.assert_frame_equal(read.taxonomy, study.taxonomy, check_names=False)
    assert read.feature_ids.equals(study.feature_ids)


@pytest.mark.filterwarnings("ignore::analysis.errors.ScaledCountsWarning")
@given(data=st.data(), study=some.studies(taxonomy=True, tree=True).filter(is_plain))
def test_parts_in_files_of_their_own_in_any_order(data, folder, study):
    rows, features = data.draw(some.orders(study.shape[0])), data.draw(some.orders(study.shape[1]))
    metadata = lines([["sample-id", "row"], *([study.sample_ids[k], f"r{k}"] for k in rows)])
    lineages = [
        ";".join(f"{rank[0].lower()}__{name}" for rank, name in zip(RANKS, line, strict=True))
        for line in study.taxonomy.to_numpy()
    ]
    taxonomy = lines([["Feature ID", "Taxon"], *([study.feature_ids[k], lineages[k]] for k in features)])
    read = an.read_study(
        written(folder, classic(study)),
        written(folder, metadata, "metadata"),
        written(folder, taxonomy, "taxonomy"),
        written(folder, f"{newick(study.tree)};".encode(), "tree"),
    )
    pd.testing.assert_frame_equal(read.to_frame(), study.to_frame())
    pd.testing.assert_frame_equal(read.taxonomy, study.taxonomy, check_names=False)
    assert read.metadata["row"].tolist() == [f"r{k}" for k in range(study.shape[0])]
    found = an.alpha_diversity(read, "faith_pd")
    np.testing.assert_allclose(found, an.alpha_diversity(study, "faith_pd"), rtol=1e-12)
