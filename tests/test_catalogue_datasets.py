"""Every public table of the catalogue loads, and is the table that its authors measured."""

import csv
from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.catalogue import load_dataset, read_catalogue
from analysis.diversity.alpha import alpha_diversity
from analysis.errors import TreeError
from analysis.readers import read_alpha
from analysis.study import Study

FETCHED = [name for name, dataset in read_catalogue().items() if dataset.files[0].url]
COHORTS = [name.removeprefix("sze_") for name in FETCHED if name.startswith("sze_")]
LARGE = {"risk_ccfa", "sze_goodrich"}  # seconds to read
SHARED_LICENCES = {"MIT", "BSD-3-Clause", "CC0-1.0", "GPL-3", "Apache-2.0", "Artistic-2.0", "none stated"}


@pytest.fixture(scope="module")
def load(shared_data):
    """Return a function that loads a dataset once, from the folder of public tables."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANALYSIS_DATA_DIR", str(shared_data))
        yield cache(load_dataset)


def named(names) -> list:
    return [pytest.param(name, marks=[pytest.mark.long] if name in LARGE else []) for name in names]


# name: (least, median, most reads), (subjects, clusters), samples a level of the treatment
FACTS = {
    "schubert_antibiotics": ((1625, 1625, 1625), (131, 39), {"amp 0.5 delayed": 13, "none": 1}),
    "apgar_stool": ((None, None, 174468), (125, None), {"Chow": 107}),
    "apgar_amc": ((4491, None, 112254), (100, None), {"Chow": 39}),
    "dethlefsen_cipro": ((5901, 10276, 41901), (3, None), {"Pre Cp": 33, "1st Cp": 15, "2nd Cp": 14}),
    "cho_antibiotics": ((51, None, 2974), (50, None), {"Control": 20, "Chlortetracycline": 18}),
    "tap_fibre_crossover": ((1068, 7899, 15331), (19, None), {"r10-40": 40, "r40-10": 36}),
    "tomkovich_vendors": ((5437, 5437, 5437), (49, 24), {}),
    "tomkovich_peg3350": ((1000, 1000, 1000), (152, 74), {"C": 330, "WM": 181, "WMR": 191}),
    "moving_pictures": ((1172, 5576.5, 12750), (2, None), {}),
    "david_diet": ((None, None, None), (11, None), {"Animal": 121, "Plant": 115}),
    "turnbaugh_twins": ((1, None, 16838), (154, 54), {"Obese": 196, "Lean": 61}),
    "claesson_elderly": ((2, None, 39007), (142, None), {"Elderly": 159, "Young": 9}),
    "morgan_ibd": ((8, None, 11895), (221, None), {"Healthy": 28, "Crohn's disease": 122}),
    "ecam": ((2085, None, 68174), (80, 42), {"Vaginal": 444, "Cesarean": 297}),
    "isb_cdi_fmt": ((13992, 59808.5, 119607), (8, None), {"healthy": 4, "Pre-FMT": 4}),
    "risk_ccfa": ((1, 29071, 551743), (987, None), {"CD": 731, "no": 335}),
    "schloss_mice_year": ((4, None, 30309), (12, None), {}),
    "crawford_fasting": ((87, None, 138), (None, None), {"Control": 5, "Fast": 4}),
    "tengeler_adhd": ((1772, None, 40584), (None, None), {"ADHD": 13, "Control": 14}),
    "sze_baxter": ((10600, None, None), (None, None), {"FALSE": 125, "TRUE": 47}),
    "sze_escobar": ((4598, None, None), (None, None), {"FALSE": 20, "TRUE": 10}),
    "sze_goodrich": ((1, None, None), (None, None), {"FALSE": 789, "TRUE": 193}),
    "sze_hmp": ((125, None, None), (None, None), {"FALSE": 256, "TRUE": 31}),
    "sze_ross": ((1723, None, None), (None, None), {"FALSE": 25, "TRUE": 38}),
    "sze_schubert": ((1507, None, None), (None, None), {"FALSE": 70, "TRUE": 34}),
    "sze_turnbaugh": ((1245, None, None), (None, None), {"FALSE": 47, "TRUE": 99}),
    "sze_wu": ((4049, None, None), (None, None), {"FALSE": 59, "TRUE": 5}),
    "sze_zeevi": ((1, None, None), (None, None), {"FALSE": 554, "TRUE": 153}),
    "sze_zupancic": ((1, None, None), (None, None), {"FALSE": 132, "TRUE": 75}),
}


def test_every_fetched_dataset_is_held_to_facts():
    assert set(FACTS) == set(FETCHED)


@pytest.mark.parametrize("name", named(FACTS))
def test_a_dataset_loads_with_its_size_and_roles(load, name):
    depths, (subjects, clusters), levels = FACTS[name]
    study, dataset = load(name), read_catalogue()[name]
    assert study.shape == (dataset.samples, dataset.features)
    assert study.kind == "counts"
    for found, expected in zip(study.depths.quantile([0, 0.5, 1]), depths, strict=True):
        assert expected is None or found == expected
    for column, number in ((study.roles.subject, subjects), (study.roles.cluster, clusters)):
        assert number is None or study.metadata[column].nunique() == number
    if levels:
        counted = study.metadata[study.roles.treatment].value_counts()
        assert counted[list(levels)].to_dict() == levels
    assert study.source.name == name
    assert {f.part: f.sha256 for f in study.source.files} == {f.part: f.sha256 for f in dataset.files}
    assert all(citation in study.source.citation for citation in dataset.citations)


@pytest.mark.parametrize("name", FETCHED)
def test_files_are_those_of_the_registry(shared_data, name):
    with (shared_data / "registry.tsv").open(encoding="utf-8") as opened:
        registry = {row["file"]: row for row in csv.DictReader(opened, delimiter="\t")}
    dataset = read_catalogue()[name]
    for file in dataset.files:
        row = registry[file.path]
        assert (str(file.bytes), file.sha256) == (row["bytes"], row["sha256"])
        address = "{github_repo}/{commit}/{path}".format(**row)
        assert file.url == f"https://raw.githubusercontent.com/{address}"
        assert row["github_repo"] in dataset.origin
    assert dataset.licence in SHARED_LICENCES
    assert dataset.checked


def test_scaled_and_transformed_tables_are_not_listed():
    paths = [file.path for dataset in read_catalogue().values() for file in dataset.files]
    traps = ("tax_filt_actual", "total_sum_otu_table", "AntibioticPhyloseq", "crawford_rf", "rarefied_table")
    assert not [path for path in paths if any(trap in path for trap in traps)]


# What was published beside the tables


def mothur_means(shared_data, path: str) -> pd.DataFrame:
    """Return the means of mothur's summary: the block "ave" of two."""
    summary = pd.read_csv(shared_data / path, sep="\t", dtype={"group": str}, index_col="group")
    return summary[summary["method"] == "ave"] if "method" in summary else summary


ABX = "schubert_antibiotics/data/process/abxD0.trim.contigs.good.unique.good.filter.unique.precluster"
ABX += ".pick.pick.pick.an.unique_list.groups.ave-std.summary"


def test_schubert_agrees_with_mothur_means_of_many_draws(load, shared_data):
    study, published = load("schubert_antibiotics"), mothur_means(shared_data, ABX)
    ours = alpha_diversity(study, ["observed_features", "shannon"])
    assert set(ours.index) == set(published.index)
    for column, name, largest in (("observed_features", "sobs", 1.0), ("shannon", "shannon", 0.03)):
        difference = ours[column] - published.loc[ours.index, name]
        # One draw differs from the mean of many by chance: no shift beyond 4 standard errors, none large.
        assert abs(difference.mean()) < 4 * difference.std() / np.sqrt(len(difference))
        assert difference.abs().median() < (2.5 if name == "sobs" else largest)


def test_schubert_arms_and_cages(load):
    samples = load("schubert_antibiotics").metadata
    assert "vanc" in set(samples["abx"])
    assert "vanc " not in set(samples["abx"])
    assert (samples.groupby("cage")["arm"].agg(set).str.len() == 1).all()  # treated by the cage
    both = samples.groupby("mouse_id")["day"].nunique()
    assert (both == 2).sum() == 46
    assert (samples.loc[samples["day"] == 0, "preAbx"] == "FALSE").all()


def test_vendors_agree_with_mothur(load, shared_data):
    study = load("tomkovich_vendors")
    published = mothur_means(shared_data, "tomkovich_vendors/data/process/vendors.diversity.summary")
    ours = alpha_diversity(study, ["observed_features", "shannon", "inv_simpson_unbiased"])
    published = published.loc[ours.index]
    assert (ours["observed_features"] == published["sobs"]).all()
    assert np.allclose(ours["shannon"], published["shannon"], atol=1e-6, rtol=0)
    assert np.allclose(ours["inv_simpson_unbiased"], published["invsimpson"], atol=1e-6, rtol=0)
    before, after = (ours["shannon"][study.metadata["day"] == day].mean() for day in (-1, 0))
    assert before - after > 1.5  # clindamycin came between them, as the roles say


def test_tap_richness_is_published_to_the_last_person(load):
    study = load("tap_fibre_crossover")
    ours = alpha_diversity(study, "observed_features", depth=1000)["observed_features"]
    assert (ours.round() == study.metadata["richness"]).sum() == 76
    assert study.metadata.groupby("fibre").size().to_dict() == {
        "10 g": 19, "40 g": 19, "before 10 g": 19, "before 40 g": 19,
    }  # fmt: skip
    first = study.metadata[study.metadata["Time.point"] == 3]
    assert first.groupby("Diet_run")["fibre"].unique().str[0].to_dict() == {
        "r10-40": "10 g",
        "r40-10": "40 g",
    }


def test_qiime_2_alpha_of_moving_pictures(load, shared_data):
    study = load("moving_pictures")
    depth = int(study.depths.min())  # at which QIIME 2 rarefied: this sample is whole, the others one draw
    metrics = ["observed_features", "shannon", "faith_pd"]
    ours = alpha_diversity(study, metrics, depth=depth, iterations=20, base=2)
    whole = study.depths.index[study.depths == depth]
    for column in metrics:
        path = shared_data / "moving_pictures/core-metrics-results" / f"{column}_vector.qza"
        published = read_alpha(path).astype(float)
        difference = ours[column] - published[ours.index]
        assert len(published) == len(difference) == 34
        assert np.allclose(difference[whole], 0, atol=1e-6)
        assert abs(difference.mean()) < 4 * difference.std() / np.sqrt(len(difference))
        assert (difference.abs() / published).max() < 0.15


def test_apgar_mice_fall_between_the_days_that_the_roles_name(load):
    study = load("apgar_stool")
    shannon = alpha_diversity(study, "shannon", base=2)["shannon"]
    by_day = shannon.groupby(study.metadata["day_post_inf"]).agg(["mean", "size"])
    assert by_day["mean"].round(2).to_dict() == {-15: 3.95, -8: 4.26, -3: 1.53, 0: 2.08, 3: 3.27}
    assert by_day["size"].to_dict() == {-15: 120, -8: 108, -3: 115, 0: 115, 3: 30}
    days = study.metadata.groupby("mouse_id")["day_post_inf"].agg(set)
    assert sum(there >= {-15, -8, -3, 0} for there in days) == 95


def test_cho_mice_keep_their_shannon(load):
    study = load("cho_antibiotics")
    shannon = alpha_diversity(study, "shannon")["shannon"]
    means = shannon.groupby([study.metadata["Source"], study.metadata["Abx"]]).mean()
    assert means["fecal"].round(2).between(3.33, 3.49).all()
    assert means["cecal"].round(2).between(4.00, 4.11).all()


def test_claesson_age_groups_are_the_repositorys(load, shared_data):
    task = pd.read_csv(shared_data / "mlrepo/datasets/claesson/task.txt", sep="\t", index_col=0)["Var"]
    groups = load("claesson_elderly").metadata["age_group"]
    assert len(task) == 167
    assert (groups[task.index] == task).all()


def test_peg_mice_have_a_day_a_sample(load):
    study = load("tomkovich_peg3350")
    stools = study.metadata[study.metadata["sample_type"] == "stool"]
    assert not stools.duplicated(["mouse", "label_day"]).any()
    assert stools.duplicated(["mouse", "day"]).sum() == 20  # the metadata's own day
    assert (study.metadata["label_day"] != study.metadata["day"]).sum() == 30
    shannon = alpha_diversity(study, "shannon")["shannon"]
    means = shannon[stools.index].groupby([stools["group"], stools["label_day"]]).mean()
    assert means["C", -1] - means["C", 0] > 1  # clindamycin after the sample of day -1
    assert abs(means["C", -5] - means["WM", -5]) < 0.05
    assert means["C", -1] - means["WM", -1] > 0.3  # the laxative before it
    notes = " ".join(study.source.notes)
    assert "5 of 1570 metadata rows dropped, being further rows of a sample" in notes
    assert "3 of 1383 samples dropped, as exp_num is missing: these are water, not mice" in notes


@pytest.mark.parametrize("name", ["moving_pictures", "dethlefsen_cipro", "crawford_fasting"])
def test_trees_give_faith_pd(load, name):
    values = alpha_diversity(load(name), "faith_pd")["faith_pd"]
    assert (values > 0).all()


@pytest.mark.parametrize("name", ["schloss_mice_year", "tengeler_adhd"])
def test_an_unrooted_tree_is_refused_as_the_design_says(load, name):
    with pytest.raises(TreeError, match="unrooted"):
        alpha_diversity(load(name), "faith_pd")
    assert "unrooted" in read_catalogue()[name].design


def test_person_and_height_of_isb(load):
    samples = load("isb_cdi_fmt").metadata
    assert samples["description"].is_unique
    assert samples["host_height"].dropna().between(1.5, 1.8).all()


# Ten obesity cohorts

SZE = "sze_obesity/data"


def authors_test(values: pd.Series, obese: pd.Series, power: float) -> float:
    """Return p of Welch's t of a power of the values, as the authors tested them."""
    values = values**power
    return stats.ttest_ind(values[obese], values[~obese], equal_var=False).pvalue


@pytest.mark.parametrize("cohort", COHORTS)
def test_the_authors_p_values_are_reproduced_from_their_alpha(shared_data, cohort):
    alpha = pd.read_csv(shared_data / SZE / "process/alpha.data", sep="\t")
    tests = pd.read_csv(shared_data / SZE / "process/alpha_tests.summary", sep="\t")
    alpha, tests = alpha[alpha["dataset"] == cohort], tests[tests["dataset"] == cohort].set_index("metric")
    for metric, power in (("shannon", 2), ("sobs", 0.5), ("shannoneven", 4)):
        p = authors_test(alpha[metric], alpha["obese"], power)
        assert p == pytest.approx(tests.loc[metric, "p.value"], rel=1e-9)


# The authors' p over ours, both of means over draws, differ as the draws do: Shannon by less than .02.
SMALL = ["ross", "escobar", "schubert", "wu", "hmp"]


@pytest.mark.parametrize(
    "cohort", [pytest.param(c, marks=[] if c in SMALL else [pytest.mark.long]) for c in COHORTS]
)
def test_rarefied_alpha_and_tests_of_a_cohort(load, shared_data, cohort):
    study: Study = load(f"sze_{cohort}")
    path = f"{SZE}/{cohort}/{cohort}.groups.ave-std.summary"
    published = mothur_means(shared_data, path)
    (depth,) = set(published["nseqs"].astype(int))
    kept = published.index.intersection(study.sample_ids, sort=False)
    study = study.select(samples=kept)
    metrics = ["observed_features", "shannon"]
    ours = alpha_diversity(study, metrics, depth=depth, iterations=100 if cohort in SMALL else 200)
    published = published.loc[ours.index]
    assert (ours["shannon"] - published["shannon"]).abs().max() < 0.02
    assert (ours["observed_features"] - published["sobs"]).abs().max() < 2
    known = study.metadata["obese"].dropna().index
    obese = study.metadata.loc[known, "obese"] == "TRUE"
    tests = pd.read_csv(shared_data / SZE / "process/alpha_tests.summary", sep="\t")
    tests = tests[tests["dataset"] == cohort].set_index("metric")
    assert obese.sum() == tests.loc["shannon", "n_obese"]
    for ours_name, theirs, power in (("shannon", "shannon", 2), ("observed_features", "sobs", 0.5)):
        p = authors_test(ours.loc[known, ours_name], obese, power)
        assert p == pytest.approx(tests.loc[theirs, "p.value"], abs=0.02)
