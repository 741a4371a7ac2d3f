"""The project's claims, a claims file of one's own, and every fault of a broken one."""

import importlib.util
import math
import re
import sys
import tomllib
from pathlib import Path

import pandas as pd
import pytest

import analysis as an
from analysis.claims.planned import planned
from analysis.claims.reading import load_claims
from analysis.errors import ReadError
from analysis.paths import data_path
from analysis.pilots.shipped import load_pilot

ROOT = Path(__file__).resolve().parents[2]
CLAIMS = load_claims()
TESTABLE = {name: claim for name, claim in CLAIMS.items() if claim.testable}
RAW = tomllib.loads(data_path("claims.toml").read_text(encoding="utf-8"))
IDS = {
    *(f"{what}_{host}" for host in ("mice", "humans") for what in (
        "composition_shifts", "diversity_falls", "harmful_bacteria_rise", "immune_dysregulation",
        "permeability_rises", "permeability_goes_with_diversity", "inflammation_rises",
        "inflammation_goes_with_diversity",
    )),
    "digestive_complaints_humans", "mouse_study_unnamed", "unknown_in_humans",
    "microbiome_is_bacteria_fungi_viruses",
}  # fmt: skip

OWN = """
[article]
title = "Coffee and the gut"
address = "https://example.org/coffee"
read_on = 2026-01-31
paragraphs = 2

[sources.trial]
citation = "A trial, 2020"
address = "doi:10.1000/xyz"

[fields.cups]
what = "Cups a day"
why = "It is the dose"
format = "number"
level = "sample"

[hosts.human.exposure]
product = "coffee"
units = 3
units_per_kg = 0.04
site = "mouth"
sessions = 30
reason = "as most people do"

[hosts.human.trial]
population = "adults"
comparator = "hot water"
blinding = "none"
baseline_days = [0]
follow_up_days = [30]
why_days = "a month"

[hosts.human.depth]
proportion = 0.001
confidence = 0.95
min_reads = 1
reason = "common taxa"

[claims.score]
statement = "Coffee lifts a score."
question = "By how much?"
paragraph = 2
kind = "marker"
host = "human"
supports = "It is higher."
refutes = "It is the same."
evidence = [{ finding = "One trial", source = "trial", direct = "direct" }]
test = "means"
metadata = ["cups"]

[claims.score.endpoint]
name = "a score"
metric = "score"
unit = "points"
assay = "a form"
noise = "guessed"
mean = 10
sd = 2

[claims.score.effect]
direction = "higher"
scale = "own"
smallest = 1
margin = 0.5
why_smallest = "half an SD"
why_margin = "half of that"

[claims.known]
statement = "A study showed it."
question = "Which?"
paragraph = 1
kind = "knowledge"
host = "human"
supports = "its DOI"
refutes = "none in a complete search"
evidence = [{ finding = "Not found", source = "trial", direct = "method" }]
"""


def load(tmp_path, text):
    path = tmp_path / "own.toml"
    path.write_text(text, encoding="utf-8")
    return load_claims(path)


def faults_of(tmp_path, *changes, text=OWN):
    """Return the faults of the file with parts of it replaced."""
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    with pytest.raises(ReadError) as caught:
        load(tmp_path, text)
    return [str(fault) for fault in caught.value.faults]


# The project's own file


@pytest.mark.parametrize("kind", [str, Path])
def test_a_path_is_text_or_a_path(kind):
    assert load_claims(kind(data_path("claims.toml"))).keys() == CLAIMS.keys()


def test_every_claim_of_the_article_is_there():
    assert set(CLAIMS) == IDS
    knowledge = {name for name, claim in CLAIMS.items() if claim.kind == "knowledge"}
    assert knowledge == {"mouse_study_unnamed", "unknown_in_humans", "microbiome_is_bacteria_fungi_viruses"}
    assert {claim.paragraph for claim in CLAIMS.values()} == {2, 3, 4}


@pytest.mark.parametrize("name", CLAIMS)
def test_ids_say_the_host_and_text_is_whole(name):
    claim = CLAIMS[name]
    ending = {"mouse": "_mice", "human": "_humans"}[claim.host]
    if claim.testable:
        assert name.endswith(ending)
        assert claim.not_traceable
    for text in (claim.statement, claim.question, claim.supports, claim.refutes):
        assert text == " ".join(text.split())
        assert text[-1] in ".?)"
    frame = claim.to_frame()
    assert len(frame) == len(claim.evidence) >= 1
    assert isinstance(frame, pd.DataFrame)


@pytest.mark.parametrize("name", TESTABLE)
def test_a_testable_claim_says_what_the_verdict_will_ask(name):
    claim = TESTABLE[name]
    assert str(claim.trial.alpha) in claim.supports
    if claim.kind == "association":
        assert "correlate" in claim.supports
    if claim.effect.scale == "percent":
        assert f"{claim.effect.margin:g} %" in claim.refutes
    if claim.effect.scale == "ratio" and claim.effect.margin != 2:
        assert f"1/{claim.effect.margin:g} and {claim.effect.margin:g}" in claim.refutes
    if claim.effect.scale == "omega_squared":
        assert f"{100 * claim.effect.margin:g} %" in claim.refutes
    assert {"bont_product", "bont_units", "bont_site", "bont_days_since"} <= set(claim.metadata)
    assert "antibiotic_last_days" in claim.confounders
    assert ("cage_id" in claim.metadata) == (claim.host == "mouse")
    assert ("bristol_score" in claim.confounders) == (claim.host == "human")


def test_the_dose_of_the_mouse_is_that_of_the_person_by_weight():
    mouse, human = (CLAIMS[f"diversity_falls_{host}"].exposure for host in ("mice", "humans"))
    assert human.units / 70 == pytest.approx(human.units_per_kg, abs=0.05)
    assert mouse.units / 0.025 == pytest.approx(mouse.units_per_kg)
    assert mouse.units_per_kg == human.units_per_kg


def test_the_size_that_diversity_needs():
    # Both tests count; the lead figures of the protocols.
    assert planned(CLAIMS["diversity_falls_mice"]).n_per_arm == 58
    assert planned(CLAIMS["diversity_falls_humans"]).n_per_arm == 74


def test_figures_worked_out_in_the_text():
    human = CLAIMS["immune_dysregulation_humans"].endpoint
    assert human.mean == pytest.approx(math.log(2.89), abs=5e-4)
    assert human.sd == pytest.approx(math.log(4.53 / 1.82) / 1.349, abs=5e-4)
    sugars = CLAIMS["permeability_rises_humans"].endpoint
    assert sugars.mean == pytest.approx(math.log(0.08), abs=5e-4)
    # A 95 % interval of a mean of 12 is 2 x 2.201 standard errors wide.
    assert sugars.sd == pytest.approx(math.log(0.11 / 0.05) / (2 * 2.201) * math.sqrt(12), abs=5e-3)
    stool = CLAIMS["inflammation_rises_humans"].endpoint
    within = math.sqrt(math.log1p((52 / 70) ** 2))
    assert within == pytest.approx(0.66, abs=5e-3)
    assert stool.sd * math.sqrt(1 - stool.icc) == pytest.approx(within, abs=5e-3)
    assert stool.mean == pytest.approx(math.log(70) - stool.sd**2 / 2, abs=5e-3)
    assert CLAIMS["harmful_bacteria_rise_mice"].effect.smallest == pytest.approx(math.log(2), abs=5e-4)


def test_noise_of_the_panel_is_that_of_its_table():
    table = pd.read_csv(data_path("results") / "panel_noise.csv", comment="#", index_col="cohort")
    mouse, human = (CLAIMS[f"harmful_bacteria_rise_{host}"].endpoint for host in ("mice", "humans"))
    cages, people = table.loc["schubert_antibiotics"], table.loc["sze_schubert"]
    assert (mouse.mean, mouse.sd) == pytest.approx((cages["mean"], cages["sd"]), abs=5e-3)
    assert mouse.cluster_icc == pytest.approx(cages["cluster_icc"], abs=5e-3)
    low, high = table.loc["turnbaugh_mice", ["icc_low", "icc_high"]]
    assert low <= mouse.icc <= high
    assert (human.mean, human.sd) == pytest.approx((people["mean"], people["sd"]), abs=5e-3)
    assert human.icc == pytest.approx(table.loc["tap_fibre_crossover", "icc"], abs=5e-3)
    assert set(table["panel"]) == {mouse.metric} == {human.metric}


@pytest.fixture
def noise_script(monkeypatch):
    """Load data/scripts/panel_noise.py, which also reads the tables."""
    path = ROOT / "data" / "scripts" / "panel_noise.py"
    spec = importlib.util.spec_from_file_location("panel_noise", path)
    script = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "panel_noise", script)  # its dataclass looks its own module up
    spec.loader.exec_module(script)
    return script


@pytest.mark.long
def test_noise_of_the_panel_comes_from_the_public_tables(shared_data, noise_script):
    whole = {"n_subjects": "Int64", "n_cages": "Int64"}
    committed = pd.read_csv(data_path("results") / "panel_noise.csv", comment="#", dtype=whole)
    fresh = noise_script.all_figures(shared_data)
    pd.testing.assert_frame_equal(fresh, committed, rtol=1e-4, atol=1e-6, check_dtype=False)


def finding(claim, source):
    """Return the finding of a source that was computed here."""
    texts = [one.finding for one in CLAIMS[claim].evidence if one.source == source]
    return next(text for text in texts if "omputed here" in text)


@pytest.mark.long
def test_figures_of_the_antibiotics_are_those_of_the_table(shared_data, noise_script):
    untreated = noise_script.mice_before_antibiotics(shared_data)
    everyone = noise_script.schubert_mice(shared_data)
    shannon = an.alpha_diversity(everyone, metrics=["shannon"])["shannon"]
    before = shannon.loc[untreated.sample_ids]
    after = shannon.drop(untreated.sample_ids)
    loss = 100 * (1 - after.mean() / before.mean())
    assert f"{loss:.0f} % off" in finding("diversity_falls_mice", "schubert")
    assert f"{len(after)} treated, {len(before)} untreated" in finding("diversity_falls_mice", "schubert")
    cages = an.variance_components(before, untreated.metadata["cage"])
    low, high = cages.icc_interval
    noise = CLAIMS["diversity_falls_mice"].endpoint.noise
    assert f"by REML {cages.icc:.2f}".replace("0.", ".") in noise
    assert f"{low:.2f} to {high:.2f}".replace("0.", ".") in noise
    distances = an.beta_diversity(untreated, "braycurtis")
    shares = an.variance_components(distances, untreated.metadata["cage"])
    assert shares.icc == pytest.approx(CLAIMS["composition_shifts_mice"].endpoint.cluster_icc, abs=5e-3)
    low, high = shares.icc_interval
    text = finding("composition_shifts_mice", "schubert")
    assert f"{100 * shares.icc:.0f} % of the variation" in text
    assert f"{100 * low:.0f} to {100 * high:.0f} %" in text


def test_the_diet_explains_as_much_as_the_text_says():
    study = an.load_dataset("turnbaugh_mice")
    study = study.select(samples=(study.metadata["days_since_switch"].astype(int) >= 14).to_numpy())
    distances = an.beta_diversity(study, "braycurtis", depth=int(study.depths.min()), seed=0)
    found = an.permanova(distances, study.metadata, "diet_group", plots="mouseID", permutations=99)
    assert f"{100 * found.omega_squared:.0f} %" in finding("composition_shifts_mice", "turnbaugh")


def test_shares_between_people_and_mice_are_those_of_the_committed_table():
    table = pd.read_csv(data_path("results") / "variance_components.csv", comment="#")
    share = table.set_index(["cohort", "metric"])["icc"]
    for claim, cohort, source in (
        ("diversity_falls_mice", "turnbaugh_mice", "turnbaugh"),
        ("diversity_falls_humans", "tap_fibre_crossover", "tap"),
        ("diversity_falls_humans", "david", "david"),
    ):
        assert f"{100 * share[cohort, 'shannon']:.0f} % of the variance" in finding(claim, source)
    mouse = CLAIMS["diversity_falls_mice"].endpoint
    assert mouse.cluster_icc == pytest.approx(load_pilot(mouse.pilot).shannon["cluster_icc"], abs=5e-3)
    assert mouse.icc + mouse.cluster_icc == pytest.approx(share["turnbaugh_mice", "shannon"], abs=5e-3)


def test_assumptions_are_called_so():
    for claim in TESTABLE.values():
        if claim.endpoint.pilot is None and claim.kind == "marker" and claim.host == "mouse":
            assert claim.endpoint.noise.startswith("Assumption")
    assert "pilot" in CLAIMS["permeability_rises_mice"].endpoint.noise


@pytest.mark.parametrize("key", RAW["sources"])
def test_addresses_are_the_works_own(key):
    address = RAW["sources"][key]["address"]
    assert re.match(r"doi:10\.\d{4,9}/\S+$|https://[\w.-]+\.[a-z]{2,}/\S+$", address), address
    mirrors = (
        "ouci.dntb", "wilddata", "synapsesocial", "medluna", "ziemann-lab", "acemap", "peeref", "globethesis",
        "rxreasoner", "medscape", "my-thesis", "studylib", "spaceweekly", "cn1699", "zanotowane", "thesindex",
        "researcher.life", "bib-bvb", "gopolicy", "unibo.it", "scorascience", "davidx.top", "ideas.repec",
    )  # fmt: skip
    assert not any(mirror in address for mirror in mirrors)


def test_nothing_stands_in_the_file_unused():
    cited = {one.source for claim in CLAIMS.values() for one in claim.evidence}
    assert cited == set(RAW["sources"])
    columns = {key for claim in CLAIMS.values() for key in (*claim.metadata, *claim.confounders)}
    assert columns == set(RAW["fields"])
    addresses = [source["address"] for source in RAW["sources"].values()]
    assert len(set(addresses)) == len(addresses)


def test_no_words_are_the_articles_own():
    articles = sorted((ROOT.parent / "shared" / "seed").glob("*.txt"))
    if not articles:
        pytest.skip("the article is not on this machine")

    def runs(text):
        words = re.findall(r"[a-z]+", text.lower())
        return {tuple(words[at : at + 6]) for at in range(len(words) - 5)}

    text = data_path("claims.toml").read_text(encoding="utf-8").replace(RAW["article"]["title"], "")
    theirs = set().union(*(runs(path.read_text(encoding="utf-8")) for path in articles))
    # Where the article's own title and address name it is no borrowing.
    ours = runs(text.replace(RAW["article"]["address"], ""))
    assert len(theirs) > 300
    assert not theirs & ours


def test_no_public_table_is_direct_evidence():
    for claim in CLAIMS.values():
        for one in claim.evidence:
            if "omputed here" in one.finding:
                assert one.direct in ("method", "other exposure")


# A file of one's own


def test_a_file_for_another_article(tmp_path):
    claims = load(tmp_path, OWN)
    assert list(claims) == ["score", "known"]
    score = claims["score"]
    assert score.exposure.product == "coffee"
    assert score.trial.power == 0.9
    assert score.article.title == "Coffee and the gut"
    assert score.sources["trial"].address == "doi:10.1000/xyz"
    assert planned(score).n_per_arm > 10
    assert not claims["known"].testable
    assert claims["known"].trial is None


def test_a_claims_own_value_goes_before_the_hosts(tmp_path):
    claims = load(tmp_path, OWN + "\n[claims.score.trial]\nfollow_up_days = [60]\n")
    assert claims["score"].trial.follow_up_days == (60,)
    assert claims["score"].trial.comparator == "hot water"


def test_claims_about_what_is_known_need_neither_hosts_nor_columns(tmp_path):
    text = OWN[: OWN.index("[fields.cups]")] + OWN[OWN.index("[claims.known]") :]
    assert list(load(tmp_path, text)) == ["known"]


def test_prose_may_run_over_lines(tmp_path):
    claims = load(tmp_path, OWN.replace('"By how much?"', '"""\nBy how\n  much?"""'))
    assert claims["score"].question == "By how much?"


# Faults


def test_all_faults_come_at_once_with_the_nearest_names(tmp_path):
    found = faults_of(
        tmp_path,
        ('metadata = ["cups"]', 'metadata = ["cupps"]'),
        ("paragraph = 2", "paragraph = 3"),
        ('finding = "One trial", source = "trial"', 'finding = "One trial", source = "trail"'),
        ("margin = 0.5", "margin = 1.5"),
        ("mean = 10\n", "mean = inf\n"),
        ('refutes = "none in a complete search"', 'refuted = "none"'),
    )
    text = "\n".join(found)
    assert len(found) == 7  # the last is a key too many and one too few
    assert "did you mean 'cups'?" in text
    assert "[claims.score], paragraph: 3\n     expected: 1 to 2" in text
    assert "did you mean 'trial'?" in text
    assert "[claims.score], effect, margin: 1.5" in text
    assert "[claims.score], endpoint, mean: inf" in text
    assert "[claims.known]: unknown key 'refuted'\n     to do: did you mean 'refutes'?" in text
    assert "[claims.known]: the key 'refutes' is missing" in text


def test_a_fault_of_the_first_tables_hides_none_of_the_claims(tmp_path):
    found = faults_of(
        tmp_path,
        ('level = "sample"', 'level = "samples"'),
        ("read_on = 2026-01-31", 'read_on = "2026"'),
        ('metadata = ["cups"]', 'metadata = ["cupps"]'),
        ("smallest = 1\n", "smallest = -1\n"),
    )
    text = "\n".join(found)
    assert "[fields.cups]" in text or "fields.cups" in text
    assert "did you mean 'sample'?" in text
    assert "a date such as" in text
    assert "did you mean 'cups'?" in text
    assert "effect, smallest: -1" in text


def test_what_claims_inherit_is_said_once_and_where_it_stands(tmp_path):
    second = OWN[OWN.index("[claims.score]") : OWN.index("[claims.known]")].replace(
        "claims.score", "claims.two"
    )
    changes = [("why_days =", "wy_days ="), ("min_reads = 1", "min_reads = 0"), ('"mouth"', "7")]
    found = faults_of(tmp_path, *changes, text=OWN + second)
    assert len(found) == 3  # one claim at a time is not checked further than its keys
    assert found[0].startswith("[hosts.human], exposure, site: 7")
    assert found[1].startswith("[hosts.human], trial: unknown key 'wy_days'")
    assert found[2].startswith("[hosts.human], trial: the key 'why_days' is missing")
    found = faults_of(tmp_path, ("min_reads = 1", "min_reads = 0"), text=OWN + second)
    assert found == ["[hosts.human], depth, min_reads: 0\n     expected: 1 or more"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('kind = "marker"', 'kind = "markr"', "did you mean 'marker'?"),
        ('kind = "marker"', 'kind = "panel"', "'log_ratio' for kind = 'panel'"),
        ('kind = "marker"', 'kind = "alpha"', "'score' is none"),
        ('kind = "marker"', 'kind = "community"', "a composition is not higher or lower"),
        ('kind = "marker"', 'kind = "association"', "the key 'partner' is missing"),
        ('scale = "own"', 'scale = "ratio"', 'log = true with scale = "ratio"'),
        ('scale = "own"', 'scale = "onw"', "did you mean 'own'?"),
        ('statement = "Coffee lifts a score."', 'statement = "  "', "it is empty"),
        ('statement = "Coffee lifts a score."', "statement = 5", "text in quotes"),
        ("[hosts.human.trial]", "[hosts.humans.trial]", "did you mean 'human'?"),
        ('kind = "marker"\nhost = "human"', 'kind = "marker"\nhost = ["human"]', "['human']"),
        ('test = "means"\n', "", "the key 'test' is missing"),
        ("sd = 2\n", "", "mean and sd are missing"),
        ("sd = 2\n", "sd = 0\n", "endpoint, sd: 0.0"),
        ("sd = 2\n", "sd = true\n", "a number"),
        ("sd = 2\n", "sd = 2\nicc = 0.8\ncluster_icc = 0.3\n", "together at most 1"),
        ("sd = 2\n", 'sd = 2\npilot = "sze_baxer"\n', "did you mean 'sze_baxter'?"),
        ("smallest = 1\n", "smallest = nan\n", "effect, smallest: nan"),
        ("units = 3\n", "units = 0\n", "exposure, units: 0.0"),
        ("sessions = 30", "sessions = 0", "exposure, sessions: 0"),
        ("baseline_days = [0]", "baseline_days = [3]", "the day of the first injection"),
        ("follow_up_days = [30]", "follow_up_days = [30, 30]", "one or more different days"),
        ("follow_up_days = [30]", "follow_up_days = 30", "a list in square brackets"),
        ("follow_up_days = [30]", "follow_up_days = [30]\nalpha = 0.9", "at most 0.5"),
        ("follow_up_days = [30]", "follow_up_days = [30]\npower = 1", "above alpha and below 1"),
        ("follow_up_days = [30]", "follow_up_days = [30]\ndropout = 1", "below 1"),
        ("proportion = 0.001", "proportion = 2", "depth, proportion: 2.0"),
        ('direct = "direct"', 'direct = "no"', "'other exposure'"),
    ],
)
def test_each_fault_is_said(tmp_path, old, new, said):
    assert said in "\n".join(faults_of(tmp_path, (old, new)))


def test_knowledge_goes_without_a_trial_and_nothing_else_does(tmp_path):
    cut = OWN[: OWN.index("[hosts.human.exposure]")] + OWN[OWN.index("[claims.score]") :]
    found = "\n".join(faults_of(tmp_path, text=cut))
    assert "[claims.score]: the key 'trial' is missing" in found
    assert 'only a claim of kind = "knowledge" goes without' in found
    assert "[claims.known]" not in found


def test_sizes_that_nothing_can_have(tmp_path):
    changes = [('scale = "own"', 'scale = "percent"'), ("smallest = 1\n", "smallest = 100\n")]
    assert "above 0 and below 100" in "\n".join(faults_of(tmp_path, *changes))


@pytest.mark.parametrize("text", ["not = [toml", "", "claims = 3", OWN[: OWN.index("[claims.score]")]])
def test_files_without_claims(tmp_path, text):
    with pytest.raises(ReadError, match=r"own\.toml"):
        load(tmp_path, text)


def test_no_such_file(tmp_path):
    with pytest.raises(ReadError, match="a TOML file in UTF-8"):
        load_claims(tmp_path / "none.toml")
