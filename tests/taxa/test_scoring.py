"""Panel scores: by hand, in every database's spelling, and on public tables against their raw lineages."""

import math
import re
import zipfile
from io import BytesIO

import numpy as np
import pandas as pd
import pytest
from scipy import sparse, stats

from analysis.catalogue import load_dataset
from analysis.errors import AnalysisWarning, ParameterError, TaxonomyError
from analysis.readers import read_study
from analysis.study import Study
from analysis.taxa.panels import Taxon, load_panels
from analysis.taxa.scoring import match_taxa, panel_scores
from analysis.taxonomy import taxonomy_table

# ruff: noqa: E501  (lineages are as long as they are)

# The same ten features as five databases name them.
GREENGENES = """
k__Bacteria; p__Proteobacteria; c__Gammaproteobacteria; o__Enterobacteriales; f__Enterobacteriaceae; g__Escherichia; s__coli
k__Bacteria; p__Proteobacteria; c__Gammaproteobacteria; o__Enterobacteriales; f__Enterobacteriaceae; g__; s__
k__Bacteria; p__Firmicutes; c__Clostridia; o__Clostridiales; f__Veillonellaceae; g__Phascolarctobacterium; s__
k__Bacteria; p__Fusobacteria; c__Fusobacteriia; o__Fusobacteriales; f__Fusobacteriaceae; g__Fusobacterium; s__
k__Bacteria; p__Firmicutes; c__Erysipelotrichi; o__Erysipelotrichales; f__Erysipelotrichaceae; g__[Eubacterium]; s__dolichum
k__Bacteria; p__Bacteroidetes; c__Bacteroidia; o__Bacteroidales; f__[Paraprevotellaceae]; g__[Prevotella]; s__
k__Bacteria; p__Firmicutes; c__Clostridia; o__Clostridiales; f__Lachnospiraceae; g__[Ruminococcus]; s__gnavus
k__Bacteria; p__Firmicutes; c__Clostridia; o__Clostridiales; f__Ruminococcaceae; g__Faecalibacterium; s__prausnitzii
k__Bacteria; p__Firmicutes; c__Bacilli; o__Lactobacillales; f__Enterococcaceae; g__Enterococcus; s__
Unassigned
"""
SILVA = """
d__Bacteria; p__Proteobacteria; c__Gammaproteobacteria; o__Enterobacterales; f__Enterobacteriaceae; g__Escherichia-Shigella
d__Bacteria; p__Proteobacteria; c__Gammaproteobacteria; o__Enterobacterales; f__Yersiniaceae; g__Serratia
d__Bacteria; p__Firmicutes; c__Negativicutes; o__Acidaminococcales; f__Acidaminococcaceae; g__Phascolarctobacterium
d__Bacteria; p__Fusobacteriota; c__Fusobacteriia; o__Fusobacteriales; f__Fusobacteriaceae; g__Fusobacterium
d__Bacteria; p__Firmicutes; c__Bacilli; o__Erysipelotrichales; f__Erysipelotrichaceae; g__Faecalitalea
d__Bacteria; p__Bacteroidota; c__Bacteroidia; o__Bacteroidales; f__Prevotellaceae; g__Paraprevotella
d__Bacteria; p__Firmicutes; c__Clostridia; o__Lachnospirales; f__Lachnospiraceae; g__[Ruminococcus]_gnavus_group
d__Bacteria; p__Firmicutes; c__Clostridia; o__Oscillospirales; f__Ruminococcaceae; g__Faecalibacterium
d__Bacteria; p__Firmicutes; c__Bacilli; o__Lactobacillales; f__Enterococcaceae; g__Enterococcus
Unassigned
"""
RDP = """
Root;Bacteria;"Proteobacteria";Gammaproteobacteria;"Enterobacteriales";Enterobacteriaceae;Escherichia/Shigella
Root;Bacteria;"Proteobacteria";Gammaproteobacteria;"Enterobacteriales";Enterobacteriaceae;unclassified_Enterobacteriaceae
Root;Bacteria;Firmicutes;Negativicutes;Selenomonadales;Acidaminococcaceae;Phascolarctobacterium
Root;Bacteria;"Fusobacteria";Fusobacteriia;"Fusobacteriales";"Fusobacteriaceae";Fusobacterium
Root;Bacteria;Firmicutes;Erysipelotrichia;Erysipelotrichales;Erysipelotrichaceae;Clostridium XVIII
Root;Bacteria;"Bacteroidetes";"Bacteroidia";"Bacteroidales";"Prevotellaceae";Paraprevotella
Root;Bacteria;Firmicutes;Clostridia;Clostridiales;Lachnospiraceae;Clostridium XlVa
Root;Bacteria;Firmicutes;Clostridia;Clostridiales;Ruminococcaceae;Faecalibacterium
Root;Bacteria;Firmicutes;Bacilli;Lactobacillales;Enterococcaceae;Enterococcus
unclassified_Root
"""
MOTHUR = """
Bacteria(100);Proteobacteria(100);Gammaproteobacteria(100);Enterobacteriales(100);Enterobacteriaceae(100);Escherichia/Shigella(99);
Bacteria(100);Proteobacteria(100);Gammaproteobacteria(100);Enterobacteriales(100);Enterobacteriaceae(100);Enterobacteriaceae_unclassified(100);
Bacteria(100);Firmicutes(100);Negativicutes(100);Selenomonadales(100);Acidaminococcaceae(100);Phascolarctobacterium(100);
Bacteria(100);Fusobacteria(100);Fusobacteriia(100);Fusobacteriales(100);Fusobacteriaceae(100);Fusobacterium(100);
Bacteria(100);Firmicutes(100);Erysipelotrichia(100);Erysipelotrichales(100);Erysipelotrichaceae(100);Clostridium_XVIII(98);
Bacteria(100);Bacteroidetes(100);Bacteroidia(100);Bacteroidales(100);Prevotellaceae(97);Paraprevotella(95);
Bacteria(100);Firmicutes(100);Clostridia(100);Clostridiales(100);Lachnospiraceae(100);Clostridium_XlVa(80);
Bacteria(100);Firmicutes(100);Clostridia(100);Clostridiales(100);Ruminococcaceae(100);Faecalibacterium(100);
Bacteria(100);Firmicutes(100);Bacilli(100);Lactobacillales(100);Enterococcaceae(100);Enterococcus(100);
unknown(100);unclassified(100);
"""
GTDB = """
d__Bacteria;p__Pseudomonadota;c__Gammaproteobacteria;o__Enterobacterales;f__Enterobacteriaceae;g__Escherichia
d__Bacteria;p__Pseudomonadota;c__Gammaproteobacteria;o__Enterobacterales_737866;f__Enterobacteriaceae_A;g__Serratia_D
d__Bacteria;p__Bacillota_C;c__Negativicutes;o__Acidaminococcales;f__Acidaminococcaceae;g__Phascolarctobacterium_A
d__Bacteria;p__Fusobacteriota;c__Fusobacteriia;o__Fusobacteriales;f__Fusobacteriaceae;g__Fusobacterium_A
d__Bacteria;p__Bacillota;c__Bacilli;o__Erysipelotrichales;f__Erysipelatoclostridiaceae;g__Thomasclavelia
d__Bacteria;p__Bacteroidota;c__Bacteroidia;o__Bacteroidales;f__Bacteroidaceae;g__Paraprevotella
d__Bacteria;p__Bacillota_A;c__Clostridia;o__Lachnospirales;f__Lachnospiraceae;g__Ruminococcus_B
d__Bacteria;p__Bacillota_A;c__Clostridia_258483;o__Oscillospirales;f__Ruminococcaceae;g__Faecalibacterium
d__Bacteria;p__Bacillota;c__Bacilli;o__Lactobacillales;f__Enterococcaceae;g__Enterococcus_B
Unassigned
"""
DIALECTS = {"greengenes": GREENGENES, "silva": SILVA, "rdp": RDP, "mothur": MOTHUR, "gtdb": GTDB}
COUNTS = np.array(
    [
        [30, 10, 5, 1, 7, 200, 150, 90, 4, 13],
        [0, 0, 0, 0, 0, 300, 100, 60, 0, 0],
        [5, 0, 2, 9, 0, 0, 0, 0, 1, 3],
        [0, 0, 0, 0, 0, 0, 0, 0, 8, 2],
    ]
)


def study_of(lineages, counts=COUNTS):
    lineages = lineages.strip().splitlines()
    names = [f"otu{k}" for k in range(len(lineages))]
    table = pd.DataFrame(counts, index=[f"s{k}" for k in range(len(counts))], columns=names)
    return Study.from_frame(table, taxonomy=taxonomy_table(lineages, names))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_family_axis_by_hand_in_every_dialect(dialect):
    result = panel_scores(study_of(DIALECTS[dialect]), "gevers_axis")
    up = np.array(
        [46, 0, 16, 0]
    )  # Enterobacteriaceae 40, Veillonellaceae as Greengenes has it 5, Fusobacteria 1
    down = np.array([447, 460, 0, 0])
    expected = np.log((up + 0.5) / (down + 0.5))
    expected[3] = np.nan  # no read on either side: not a score of 0
    np.testing.assert_allclose(result.scores["log_ratio"], expected, rtol=1e-14)
    np.testing.assert_allclose(result.scores["fraction_up"], up / COUNTS.sum(axis=1), rtol=1e-14)
    np.testing.assert_allclose(result.scores["fraction_down"], down / COUNTS.sum(axis=1), rtol=1e-14)
    assert result.unmatched == ("Pasteurellaceae",)
    assert result.undefined.to_dict() == {"s3": "no reads on either side"}
    assert result.pseudocount == 0.5
    assert result.against == "Erysipelotrichales, Bacteroidales, Clostridiales"
    assert math.isclose(result.unclassified["Family"], 18 / 1000)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_one_sided_panels_by_hand_in_every_dialect(dialect):
    study = study_of(DIALECTS[dialect])
    drug = panel_scores(study, "ppi")
    up, total = np.array([34, 0, 6, 8]), COUNTS.sum(axis=1)
    np.testing.assert_allclose(drug.scores["log_ratio"], np.log((up + 0.5) / (total - up + 0.5)), rtol=1e-14)
    np.testing.assert_allclose(drug.scores["fraction_down"], 1 - up / total, rtol=1e-14)
    assert drug.against == "all other taxa"
    assert drug.unmatched == ("Streptococcus", "Staphylococcus")
    infants = panel_scores(study, "infant_botulism")
    np.testing.assert_allclose(infants.scores["fraction_up"], np.array([44, 0, 6, 8]) / total, rtol=1e-14)
    one = panel_scores(study, "escherichia_shigella")
    np.testing.assert_allclose(one.scores["fraction_up"], np.array([30, 0, 5, 0]) / total, rtol=1e-14)
    assert one.matched["n_features"].tolist() == [1]


def test_matched_names_are_listed_as_the_table_writes_them():
    matched = panel_scores(study_of(SILVA), "gevers_axis").matched
    assert list(matched.columns) == ["side", "taxon", "rank", "name", "n_features", "share"]
    through = matched[matched["taxon"] == "Enterobacteriaceae"].set_index("name")
    assert through["n_features"].to_dict() == {"Enterobacteriaceae": 1, "Yersiniaceae": 1}
    assert math.isclose(through.loc["Yersiniaceae", "share"], 10 / 1000)
    assert matched.set_index("name").loc["Acidaminococcaceae", ["side", "taxon"]].tolist() == [
        "up",
        "Veillonellaceae",
    ]
    assert set(matched[matched["taxon"] == "Clostridiales"]["name"]) == {"Lachnospirales", "Oscillospirales"}


def test_a_family_inside_a_lowered_order_counts_once_on_its_own_side():
    """Greengenes keeps Veillonellaceae inside Clostridiales."""
    taxonomy = taxonomy_table(
        ["k__Bacteria; o__Clostridiales; f__Veillonellaceae", "o__Clostridiales; f__"], ["a", "b"]
    )
    panel = load_panels()["gevers_axis"]
    owner, names = match_taxa(taxonomy, (*panel.up, *panel.down))
    assert [(*panel.up, *panel.down)[place].name for place in owner] == ["Veillonellaceae", "Clostridiales"]
    assert names.tolist() == ["Veillonellaceae", "Clostridiales"]


def test_a_taxon_is_looked_for_at_its_own_rank_only():
    taxonomy = taxonomy_table(["k__Bacteria; g__Bacteroidales", "k__Bacteria; o__Bacteroidales"], ["a", "b"])
    assert match_taxa(taxonomy, [Taxon("Bacteroidales", "Order")])[0].tolist() == [-1, 0]
    assert match_taxa(taxonomy, [Taxon("Bacteroidales", "Genus")])[0].tolist() == [0, -1]
    bracketed = taxonomy_table(["g__[Ruminococcus]", "g__Ruminococcus"], ["a", "b"])
    assert match_taxa(bracketed, [Taxon("Ruminococcus", "Genus")])[0].tolist() == [-1, 0]


# ---- zeros ----


def test_zeros_without_a_pseudocount_are_undefined_and_named():
    result = panel_scores(study_of(GREENGENES), "gevers_axis", pseudocount=0)
    assert math.isclose(result.scores["log_ratio"].iloc[0], math.log(46 / 447))
    assert result.scores["log_ratio"].iloc[1:].isna().all()
    assert result.undefined["s1"] == "one side is zero and nothing was added"
    assert len(result.undefined) == 3


def test_samples_without_reads_have_no_score():
    result = panel_scores(study_of(GREENGENES, np.vstack([COUNTS, np.zeros((1, 10), int)])), "ppi")
    assert result.scores.loc["s4"].isna().all()
    assert result.undefined.to_dict() == {"s4": "no reads"}


@pytest.mark.parametrize("p", [0.05, 0.3, 0.7])
def test_half_a_read_nearly_frees_the_log_ratio_of_bias(p):
    """Anscombe 1956: its expectation is the logit up to order 1/n^2; with a whole read, up to 1/n only."""
    n = 100
    reads = np.arange(n + 1)
    chance = stats.binom.pmf(reads, n, p)
    taxonomy = taxonomy_table(["g__Escherichia", "g__Blautia"], ["a", "b"])
    counts = sparse.csr_array(np.column_stack([reads, n - reads]))
    study = Study(counts, [f"s{k}" for k in reads], ["a", "b"], taxonomy=taxonomy)
    bias = {
        added: float(
            chance @ panel_scores(study, "escherichia_shigella", pseudocount=added).scores["log_ratio"]
        )
        - math.log(p / (1 - p))
        for added in (0.5, 1.0)
    }
    assert abs(bias[0.5]) < 0.025
    assert p == 0.5 or abs(bias[0.5]) < abs(bias[1.0])


def test_fractions_and_percent_have_the_same_scores_and_no_pseudocount():
    shares = COUNTS / COUNTS.sum(axis=1, keepdims=True)
    one, hundred = (panel_scores(study_of(GREENGENES, shares * whole), "gevers_axis") for whole in (1, 100))
    counted = panel_scores(study_of(GREENGENES), "gevers_axis", pseudocount=0)
    for result in (one, hundred):
        pd.testing.assert_frame_equal(result.scores, counted.scores, rtol=1e-12)
        assert result.pseudocount == 0.0
        assert len(result.undefined) == 3
    logit = panel_scores(
        study_of(GREENGENES, shares * 0.9), "ppi"
    ).scores  # a tenth was left out of the table
    np.testing.assert_allclose(logit["fraction_down"], 1 - 0.9 * np.array([34, 0, 6, 8]) / COUNTS.sum(axis=1))


def test_scores_do_not_depend_on_the_order_or_on_unrelated_features():
    study = study_of(SILVA)
    shuffled = study.select(samples=["s2", "s0", "s3", "s1"], features=list(study.feature_ids[::-1]))
    first, second = panel_scores(study).scores, panel_scores(shuffled).scores
    pd.testing.assert_frame_equal(first, second.loc[first.index])
    fewer = panel_scores(study.select(features=study.feature_ids != "otu9")).scores
    pd.testing.assert_series_equal(first["log_ratio"], fewer["log_ratio"])


# ---- refusals and warnings ----


def test_unknown_panels_come_with_the_nearest():
    with pytest.raises(ParameterError, match="did you mean 'gevers_axis'"):
        panel_scores(study_of(SILVA), "gevers_axes")
    with pytest.raises(ParameterError, match="cannot be added"):
        panel_scores(study_of(SILVA), pseudocount=-1)


def test_a_study_without_taxonomy_or_without_the_rank_is_refused():
    study = study_of(SILVA)
    with pytest.raises(TaxonomyError, match="the study has no taxonomy"):
        panel_scores(Study(study.counts, study.sample_ids, study.feature_ids))
    with pytest.raises(TaxonomyError) as caught:
        panel_scores(load_dataset("twins_genera"), "gevers_axis")
    assert len(caught.value.faults) == 2
    assert "no feature has a name at the rank Family" in str(caught.value)
    assert "the taxonomy has Genus" in str(caught.value)


def test_a_side_that_nothing_belongs_to_gives_no_scores_and_a_warning():
    study = study_of(
        "k__Bacteria; o__Bacteroidales; f__x\nk__Bacteria; o__Clostridiales; f__y", COUNTS[:, :2]
    )
    with pytest.warns(AnalysisWarning, match="no feature belongs to up .*'Enterobacteriaceae'.* not found"):
        result = panel_scores(study, "gevers_axis")
    assert result.scores["log_ratio"].isna().all()
    assert (result.scores["fraction_up"].dropna() == 0).all()
    assert result.undefined["s0"] == "no feature of the table belongs to up"


def test_html_says_what_was_not_found_and_what_a_score_cannot_say():
    html = panel_scores(study_of(SILVA), "gevers_axis")._repr_html_()
    for word in ("Pasteurellaceae", "1.8% at Family", "not an index of harm", "1 of 4 samples"):
        assert word in html


def test_the_frame_is_a_copy():
    result = panel_scores(study_of(SILVA))
    frame = result.to_frame()
    frame["log_ratio"] = 0.0
    assert result.scores["log_ratio"].iloc[0] != 0


# ---- public tables ----


def test_embedded_tables_are_scored():
    mice = panel_scores(load_dataset("turnbaugh_mice"), "ppi")
    assert "Shigella" in mice.matched["name"].tolist()  # the table's only name for the pair
    twins = panel_scores(load_dataset("twins_genera"), "ppi")
    assert twins.unmatched == ()
    frame = load_dataset("twins_genera").to_frame()
    genera = ["Enterococcus", "Streptococcus", "Staphylococcus", "Escherichia"]
    np.testing.assert_allclose(twins.scores["fraction_up"], frame[genera].sum(axis=1), rtol=1e-12)
    assert twins.undefined.index.tolist() == frame.index[frame[genera].sum(axis=1) == 0].tolist()
    patterns = load_dataset("global_patterns")
    axis = panel_scores(patterns).scores["log_ratio"]
    stool = patterns.metadata["SampleType"] == "Feces"
    assert axis[stool].max() < axis[patterns.metadata["SampleType"] == "Tongue"].min()


def raw_scores(study, lineages, up, down):
    """Score by searching the raw lineages with regular expressions: an independent way to the same figure."""
    raised = lineages.str.contains(up)
    lowered = lineages.str.contains(down) & ~raised
    table = study.to_frame()
    with np.errstate(divide="ignore"):
        ratio = np.log((table.loc[:, raised].sum(axis=1) + 0.5) / (table.loc[:, lowered].sum(axis=1) + 0.5))
    return ratio, int(raised.sum()), int(lowered.sum())


def taxon_column(path):
    with zipfile.ZipFile(path) as archive:
        name = next(n for n in archive.namelist() if n.endswith("data/taxonomy.tsv"))
        return pd.read_csv(BytesIO(archive.read(name)), sep="\t", index_col=0)["Taxon"]


def test_greengenes_of_moving_pictures(shared_data):
    folder = shared_data / "moving_pictures"
    study = read_study(folder / "table-dada2.qza", taxonomy=folder / "taxonomy.qza")
    lineages = taxon_column(folder / "taxonomy.qza").reindex(study.feature_ids)
    up = "f__(?:Enterobacteriaceae|Pasteurellaceae|Veillonellaceae|Fusobacteriaceae)(?:;|$)"
    down = "o__(?:Erysipelotrichales|Bacteroidales|Clostridiales)(?:;|$)"
    expected, n_up, n_down = raw_scores(study, lineages, up, down)
    result = panel_scores(study, "gevers_axis")
    known = ~study.sample_ids.isin(result.undefined.index)
    np.testing.assert_allclose(result.scores["log_ratio"][known], expected[known], rtol=1e-12)
    assert result.matched.groupby("side")["n_features"].sum().to_dict() == {"up": n_up, "down": n_down}


def test_renamed_orders_and_families_of_isb(shared_data):
    folder = shared_data / "isb_cdi_fmt" / "treasure_chest" / "dada"
    study = read_study(folder / "table.qza", taxonomy=folder / "taxa.qza")
    lineages = taxon_column(folder / "taxa.qza").reindex(study.feature_ids)
    up = (
        "(?:Enterobacteri|Morganell|Pectobacteri|Pasteurell|Veillonell|Selenomonad|Acidaminococc|Sporomus"
        "|Fusobacteri)aceae"
    )
    expected, *_ = raw_scores(
        study, lineages, up, "Erysipelotrichales|Bacteroidales|Eubacteriales|Tissierellales"
    )
    np.testing.assert_allclose(panel_scores(study).scores["log_ratio"], expected, rtol=1e-12)


def test_mothur_of_schubert(shared_data):
    folder = shared_data / "schubert_antibiotics" / "data" / "process"
    stem = "abxD0.trim.contigs.good.unique.good.filter.unique.precluster.pick.pick.pick.an.unique_list.0.03"
    study = read_study(folder / f"{stem}.subsample.shared", taxonomy=folder / f"{stem}.cons.taxonomy")
    raw = pd.read_csv(folder / f"{stem}.cons.taxonomy", sep="\t", index_col="OTU")["Taxonomy"]
    lineages = raw.reindex(study.feature_ids).map(lambda text: re.sub(r"\(\d+\)", "", text))
    genera = ";(?:Enterococcus|Streptococcus|Staphylococcus|Escherichia/Shigella);"
    result = panel_scores(study, "ppi")
    share = study.to_frame().loc[:, lineages.str.contains(genera)].sum(axis=1) / study.depths
    np.testing.assert_allclose(result.scores["fraction_up"], share, rtol=1e-12)
    # a bloom under antibiotics: the highest shares are far above anything without them
    assert result.scores["fraction_up"].max() > 0.5


@pytest.mark.long
def test_the_axis_parts_crohns_disease_in_the_cohort_it_came_from(shared_data):
    """Gevers 2014, doi:10.1016/j.chom.2014.02.005: circular, so it checks the matching and the sign only."""
    study = read_study(shared_data / "risk_ccfa" / "data" / "RISK_CCFA.rda")
    score = panel_scores(study, "gevers_axis").scores["log_ratio"]
    for site in ("UBERON:ileum", "UBERON:rectum"):
        here = (study.metadata["body_site"] == site) & (study.depths >= 3000)
        ill, well = (score[here & (study.metadata["diagnosis"] == name)].dropna() for name in ("CD", "no"))
        assert ill.median() > well.median() + 1.0
        assert stats.mannwhitneyu(ill, well, alternative="greater").pvalue < 0.001
