"""variance_components against R (tests/reference/components_reference.R), closed forms and simulation."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import pdist, squareform

from analysis.comparison.components import variance_components
from analysis.comparison.distance_components import _components
from analysis.comparison.mixed import NestedModel
from analysis.errors import DesignError, IdError, ParameterError

REFERENCE = Path(__file__).parents[1] / "reference"
R = json.loads((REFERENCE / "components_reference.json").read_text())


def table(name):
    return pd.read_csv(REFERENCE / f"components_{name}.csv", index_col=0)


def distances_of(points, ids, metric="euclidean"):
    from skbio import DistanceMatrix

    return DistanceMatrix(squareform(pdist(points, metric)), ids=list(ids))


# --- one number a sample: lme4 and textbook intervals ------------------------------------------------------


def test_balanced_groups_have_the_textbook_intervals():
    rail, expected = table("rail"), R["rail"]
    found = variance_components(rail["travel"], rail["rail"])
    assert found.icc == pytest.approx(expected["anova_icc"], rel=1e-8)
    assert (found.sd_between, found.sd_within) == pytest.approx(expected["sd"], rel=1e-6)
    for name in ("icc", "sd_between", "sd_within"):
        assert getattr(found, f"{name}_interval") == pytest.approx(expected[name], rel=1e-8), name
    assert (found.n_samples, found.n_subjects, found.n_clusters) == (18, 6, 0)
    assert np.isnan(found.cluster_icc)


@pytest.mark.parametrize(("name", "columns"), [("oneway", None), ("covariates", ["arm", "day"])])
def test_unequal_groups_and_covariates_are_lme4(name, columns):
    frame, expected = table("oneway"), R[name]
    covariates = None if columns is None else frame[columns]
    found = variance_components(frame["y"], frame["subject"], covariates=covariates)
    assert (found.sd_between, found.sd_within) == pytest.approx(expected["sd"], rel=1e-6)
    assert found.icc == pytest.approx(expected["share"][0], rel=1e-6)
    for quantity in ("icc", "sd_between", "sd_within"):
        assert getattr(found, f"{quantity}_interval") == pytest.approx(expected[quantity], rel=1e-7), quantity


@pytest.mark.parametrize(
    ("name", "value", "cluster", "subject"),
    [("pastes", "strength", "batch", "cask"), ("nested", "y", "cage", "mouse")],
)
def test_subjects_in_cages_are_lme4(name, value, cluster, subject):
    frame, expected = table(name), R[name]
    found = variance_components(frame[value], frame[subject], frame[cluster])
    assert (found.sd_between, found.sd_cluster, found.sd_within) == pytest.approx(expected["sd"], rel=1e-5)
    assert (found.icc, found.cluster_icc) == pytest.approx(expected["share"][:2], rel=1e-5)
    for quantity in ("sd_between", "sd_within", "sd_cluster", "icc", "cluster_icc"):
        interval = getattr(found, f"{quantity}_interval")
        assert interval == pytest.approx(expected[quantity], rel=1e-5, abs=1e-7), quantity


@pytest.mark.parametrize(
    ("name", "value", "groups"),
    [
        ("rail", "travel", ["rail"]),
        ("oneway", "y", ["subject"]),
        ("pastes", "strength", ["batch", "cask"]),
        ("nested", "y", ["cage", "mouse"]),
    ],
)
def test_deviance_is_the_reml_criterion_of_lme4(name, value, groups):
    frame = table(name)
    y = frame[value].to_numpy()
    model = NestedModel(y, np.ones((len(y), 1)), *(frame[group] for group in groups))
    assert model.fit().deviance == pytest.approx(R[name]["reml"], rel=1e-10)


def test_deviance_is_the_normal_density():
    """The recursion over groups against the formula with the whole covariance matrix."""
    frame = table("nested")
    y, x = frame["y"].to_numpy(), np.column_stack([np.ones(len(frame)), np.arange(len(frame)) / 10])
    model = NestedModel(y, x, frame["cage"], frame["mouse"])
    dummies = [pd.get_dummies(frame[g]).to_numpy(float) for g in ("cage", "mouse")]
    for variances in ((0.3, 0.2, 0.5), (0, 2, 0.1), (1.5, 0, 3.0)):
        v = variances[2] * np.eye(len(y)) + sum(s * z @ z.T for s, z in zip(variances, dummies, strict=False))
        inverse = np.linalg.inv(v)
        information = x.T @ inverse @ x
        rest = y - x @ np.linalg.solve(information, x.T @ inverse @ y)
        expected = (
            (len(y) - 2) * np.log(2 * np.pi)
            + np.linalg.slogdet(v)[1]
            + np.linalg.slogdet(information)[1]
            + rest @ inverse @ rest
        )
        ratios = np.array(variances[:2]) / variances[2]
        assert model.deviance(ratios, variances[2]) == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize("seed", range(6))
def test_a_fit_does_not_hang_on_the_order_of_its_sums(seed):
    """Other sums round otherwise, as other builds of NumPy do; the fit must have its digits all the same."""
    rng = np.random.default_rng(seed)
    cage = np.repeat(np.arange(6), 6)
    mouse = np.arange(36) // 2
    y = rng.normal(size=6)[cage] + 0.7 * rng.normal(size=18)[mouse] + 0.5 * rng.normal(size=36)
    x = np.column_stack([np.ones(36), cage % 2, rng.normal(size=36)])
    order, columns = rng.permutation(36), [2, 0, 1]
    one = NestedModel(y, x, cage, mouse).fit()
    other = NestedModel(y[order], x[order][:, columns], cage[order], mouse[order]).fit()
    assert one.coefficients[columns] == pytest.approx(other.coefficients, rel=1e-11)
    assert one.group_variances == pytest.approx(other.group_variances, rel=1e-11)
    assert one.residual_variance == pytest.approx(other.residual_variance, rel=1e-11)


def test_no_more_difference_between_than_within_is_0_and_said():
    values = pd.Series([1.0, 5, 2, 4, 3, 3.1])  # subject means 3, 3, 3.05: closer than chance
    found = variance_components(values, pd.Series(list("aabbcc")))
    assert (found.icc, found.sd_between) == (0, 0)
    assert found.icc_interval[0] == 0
    assert found.notes == ("sd_between is estimated as 0: its groups differ no more than chance",)


def test_scale_and_shift_do_not_matter():
    frame = table("oneway")
    first = variance_components(frame["y"], frame["subject"])
    second = variance_components(1e6 + 1000 * frame["y"], frame["subject"])
    assert second.icc == pytest.approx(first.icc, rel=1e-6)
    assert second.sd_between_interval == pytest.approx(
        [1000 * x for x in first.sd_between_interval], rel=1e-6
    )


# --- distances ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def guts():
    frame = table("distances")
    return frame, distances_of(frame.filter(like="X").to_numpy(), frame.index, "braycurtis")


def test_distances_split_as_adonis2_sums_of_squares(guts):
    frame, distances = guts
    found = variance_components(distances, frame["subject"], frame["cage"])
    expected = R["distances"]
    assert (found.sd_cluster, found.sd_between, found.sd_within) == pytest.approx(expected["sd"], rel=1e-9)
    assert (found.cluster_icc, found.icc) == pytest.approx(expected["share"][:2], rel=1e-9)
    alone = variance_components(distances, frame["subject"])
    assert (alone.sd_between, alone.sd_within) == pytest.approx(expected["subject_only"]["sd"], rel=1e-9)


def test_kinds_of_pairs_are_described(guts):
    frame, distances = guts
    pairs = variance_components(distances, frame["subject"], frame["cage"]).pairs.set_index("kind")
    for kind, expected in R["distances"]["pairs"].items():
        assert pairs.loc[kind].tolist() == pytest.approx(expected, rel=1e-12), kind
    assert len(variance_components(distances, frame["subject"]).pairs) == 2


def test_distances_of_one_variable_give_its_analysis_of_variance():
    rail = table("rail")
    distances = distances_of(rail[["travel"]].to_numpy(float), rail.index)
    found = variance_components(distances, rail["rail"])
    assert (found.sd_between, found.sd_within) == pytest.approx(R["rail"]["sd"], rel=1e-7)


def test_unequal_nested_expectations():
    """The expected sums of squares, each a trace of projections, give back the variances that went in."""
    frame = table("nested")
    cage, mouse = (pd.get_dummies(frame[g]).to_numpy(float) for g in ("cage", "mouse"))
    variances = np.array([0.7, 0.4, 0.9])
    n = len(frame)
    v = variances[0] * cage @ cage.T + variances[1] * mouse @ mouse.T + variances[2] * np.eye(n)
    expected_squares = v.diagonal()[:, None] + v.diagonal()[None, :] - 2 * v  # of differences, in the mean
    blocks = mouse.T @ expected_squares @ mouse
    home = cage.argmax(axis=1)[mouse.argmax(axis=0)]
    assert _components(blocks, mouse.sum(axis=0), home) == pytest.approx(variances, rel=1e-10)


def test_samples_are_matched_by_id(guts):
    frame, distances = guts
    order = np.random.default_rng(0).permutation(len(frame))
    shuffled = distances.filter([distances.ids[i] for i in order])
    first = variance_components(distances, frame["subject"], frame["cage"])
    second = variance_components(shuffled, frame["subject"], frame["cage"])
    pd.testing.assert_frame_equal(first.to_frame(), second.to_frame(), rtol=1e-10)


def test_a_gap_leaves_out_its_rows_of_distances(guts):
    frame, distances = guts
    subject = frame["subject"].astype(object)
    subject.iloc[3] = None
    with pytest.raises(DesignError, match=r"1 of 45 samples have gaps \(subject\): 'd04'"):
        variance_components(distances, subject)
    found = variance_components(distances, subject, missing="drop")
    kept = distances.filter([name for name in distances.ids if name != "d04"])
    assert found.icc == variance_components(kept, frame["subject"]).icc
    assert found.notes[0].startswith("left out: 1 of 45")


# --- refusals ----------------------------------------------------------------------------------------------


def test_designs_that_cannot_be_split():
    y = pd.Series([1.0, 2, 4, 3])
    with pytest.raises(DesignError, match="each of the 4 subjects has one sample"):
        variance_components(y, pd.Series(list("abcd")))
    with pytest.raises(DesignError, match=r"one sample(.|\n)*give the cage as subject="):
        variance_components(y, pd.Series(list("abcd")), pd.Series(list("xxyy")))
    with pytest.raises(DesignError, match=r"1 subject\(s\)"):
        variance_components(y, pd.Series(list("aaaa")))
    with pytest.raises(DesignError, match="2 subjects are in several clusters: 'a', 'b'"):
        variance_components(y, pd.Series(list("aabb")), pd.Series(list("xyxy")))
    with pytest.raises(DesignError, match=r"2 cluster\(s\) for 2 subjects"):
        variance_components(y, pd.Series(list("aabb")), pd.Series(list("xxyy")))
    with pytest.raises(DesignError, match="samples of a subject do not differ"):
        variance_components(pd.Series([1.0, 1, 4, 4]), pd.Series(list("aabb")))
    with pytest.raises(DesignError, match="covariates explain all differences"):
        variance_components(y, pd.Series(list("aabb")), covariates=pd.Series(list("uuvv")))
    with pytest.raises(DesignError, match="2 subjects: leaving one out leaves one"):
        variance_components(distances_of(y.to_numpy()[:, None], y.index.astype(str)), pd.Series(list("aabb")))


def test_arguments_that_do_not_fit(guts):
    frame, distances = guts
    y = table("oneway")["y"]
    with pytest.raises(IdError, match=r"2 faults(.|\n)*subject=(.|\n)*cluster="):
        variance_components(y, frame["subject"], frame["cage"])
    with pytest.raises(ParameterError, match="2 faults"):
        variance_components(y, table("oneway")["subject"], conf_level=95, missing="skip")
    with pytest.raises(ParameterError, match="a ndarray"):
        variance_components(y.to_numpy(), table("oneway")["subject"])
    with pytest.raises(ParameterError, match="a list"):
        variance_components(y, list(table("oneway")["subject"]))
    with pytest.raises(ParameterError, match="covariates are not taken out of distances"):
        variance_components(distances, frame["subject"], covariates=frame["cage"])
    with pytest.raises(DesignError, match=r"gaps \(value\)"):
        variance_components(y.where(y.index != "s05"), table("oneway")["subject"])


def test_result_is_a_table(guts):
    frame, distances = guts
    found = variance_components(distances, frame["subject"], frame["cage"])
    assert found.to_frame()["quantity"].tolist() == [
        "icc",
        "sd_between",
        "sd_within",
        "cluster_icc",
        "sd_cluster",
    ]
    assert list(found.to_frame().columns) == ["quantity", "estimate", "ci_low", "ci_high"]
    assert found.to_frame().query("ci_low > estimate or estimate > ci_high").empty
    assert "45 samples, 15 subjects, 5 clusters" in found._repr_html_()
    with pytest.raises(AttributeError):
        found.icc = 1


# --- published data ----------------------------------------------------------------------------------------


def test_shannon_of_nineteen_adults(shared_data):
    """The ICC of .48 beside the public table of tap_fibre_crossover, 19 adults x 4 times."""
    folder = shared_data / "tap_fibre_crossover" / "data-raw"
    counts = pd.read_csv(folder / "otu.csv", sep=";", index_col=0).T
    metadata = pd.read_csv(folder / "metadata.csv", sep=";", encoding="latin-1", decimal=",")
    fractions = counts.to_numpy() / counts.to_numpy().sum(axis=1, keepdims=True)
    logs = np.log(fractions, out=np.zeros_like(fractions), where=fractions > 0)
    shannon = pd.Series(-(fractions * logs).sum(axis=1), index=counts.index)
    subject = metadata.set_index(metadata["Sample_ID"].astype(str))["Subject_Id"]
    found = variance_components(shannon, subject)
    assert (found.n_samples, found.n_subjects) == (76, 19)
    assert found.icc == pytest.approx(0.48, abs=0.005)
    assert 0.25 < found.icc_interval[0] < found.icc_interval[1] < 0.72


def test_faith_of_evident(shared_data):
    file = shared_data / "evident_tests" / "evident" / "tests" / "data" / "metadata.tsv"
    people = pd.read_csv(file, sep="\t", index_col=0)
    found = variance_components(
        people["faith_pd"], people["host_subject_id"], covariates=people["classification"]
    )
    assert found.n_subjects == 49
    assert found.icc == pytest.approx(6.1529 / (6.1529 + 8.0988), abs=1e-5)  # lme4: ICC .43 given the class


# --- coverage ----------------------------------------------------------------------------------------------

_SIMULATIONS = 1000
_ERROR = 3 * np.sqrt(0.95 * 0.05 / _SIMULATIONS)


@pytest.mark.long
@pytest.mark.parametrize(
    ("n_subjects", "most", "icc"), [(6, 4, 0.5), (12, 6, 0.5), (12, 6, 0.1), (30, 8, 0.8)]
)
def test_intervals_of_unequal_subjects_cover(n_subjects, most, icc):
    rng = np.random.default_rng(np.random.SeedSequence((n_subjects, most)))
    truth = {"icc": icc, "sd_between": np.sqrt(icc), "sd_within": np.sqrt(1 - icc)}
    covered = dict.fromkeys(truth, 0)
    for _ in range(_SIMULATIONS):
        sizes = rng.integers(1, most, size=n_subjects, endpoint=True)
        sizes[0] = max(sizes[0], 2)
        subject = np.repeat(np.arange(n_subjects), sizes)
        own = truth["sd_between"] * rng.standard_normal(n_subjects)
        y = pd.Series(own[subject] + truth["sd_within"] * rng.standard_normal(len(subject)))
        found = variance_components(y, pd.Series(subject))
        for name, value in truth.items():
            low, high = getattr(found, f"{name}_interval")
            covered[name] += low <= value <= high
    rates = {name: number / _SIMULATIONS for name, number in covered.items()}
    assert rates["icc"] == pytest.approx(0.95, abs=_ERROR)  # exact
    assert rates["sd_within"] == pytest.approx(0.95, abs=_ERROR)  # exact
    assert 0.95 - _ERROR <= rates["sd_between"] <= 0.98  # Williams: at least nominal, nearly exact


@pytest.mark.long
def test_intervals_of_cages_cover():
    rng = np.random.default_rng(11)
    truth = {
        "icc": 0.3,
        "cluster_icc": 0.3,
        "sd_between": np.sqrt(0.3),
        "sd_within": np.sqrt(0.4),
        "sd_cluster": np.sqrt(0.3),
    }
    covered, simulations = dict.fromkeys(truth, 0), 300
    for _ in range(simulations):
        mice = rng.integers(1, 5, size=10, endpoint=True)
        cage = np.repeat(np.arange(10), mice)
        mouse = np.repeat(np.arange(len(cage)), rng.integers(1, 4, size=len(cage), endpoint=True))
        y = (
            truth["sd_cluster"] * rng.standard_normal(10)[cage[mouse]]
            + truth["sd_between"] * rng.standard_normal(len(cage))[mouse]
            + truth["sd_within"] * rng.standard_normal(len(mouse))
        )
        found = variance_components(pd.Series(y), pd.Series(mouse), pd.Series(cage[mouse]))
        for name, value in truth.items():
            low, high = getattr(found, f"{name}_interval")
            covered[name] += low <= value <= high
    for name, number in covered.items():
        assert number / simulations == pytest.approx(0.95, abs=3 * np.sqrt(0.95 * 0.05 / simulations)), name


@pytest.mark.long
@pytest.mark.parametrize("axes", [1, 6])
def test_jackknife_of_distances_covers(axes):
    rng = np.random.default_rng(12)
    weights = 1 / np.sqrt(1 + np.arange(axes))
    total = (weights**2).sum()
    truth = {"icc": 0.4, "sd_between": np.sqrt(0.4 * total), "sd_within": np.sqrt(0.6 * total)}
    covered, simulations = dict.fromkeys(truth, 0), 500
    for _ in range(simulations):
        subject = np.repeat(np.arange(15), rng.integers(1, 5, size=15, endpoint=True))
        points = np.sqrt(0.4) * rng.standard_normal((15, axes))[subject]
        points = (points + np.sqrt(0.6) * rng.standard_normal((len(subject), axes))) * weights
        found = variance_components(distances_of(points, map(str, range(len(subject)))), pd.Series(subject))
        for name, value in truth.items():
            low, high = getattr(found, f"{name}_interval")
            covered[name] += low <= value <= high
    rates = {name: number / simulations for name, number in covered.items()}
    assert rates["icc"] == pytest.approx(0.95, abs=3 * np.sqrt(0.95 * 0.05 / simulations))
    for name in ("sd_between", "sd_within"):  # these run a little low, as the docstring says
        assert 0.93 - 3 * np.sqrt(0.93 * 0.07 / simulations) <= rates[name] <= 0.98, name
