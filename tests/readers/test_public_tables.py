"""Every kind of public table reads with its published size, or is refused for the right reason."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import analysis as an
from analysis.errors import (
    AnalysisWarning,
    IdError,
    ReadError,
    ScaledCountsWarning,
    TableError,
    TreeError,
)
from analysis.readers import read_alpha, read_distances, read_metadata, read_taxonomy, read_tree

MICE = "apgar_diet_cdiff/arizona_experiments/stool/data"
AMC = "apgar_diet_cdiff/amc_followUp_experiments/data"
ECAM = "ecam/biocore+gemelli/ipynb/tutorials/ECAM-Qiita-10249"
BABIES = "ecam/caporaso-lab+longitudinal-notebooks/data"
VENDORS = "tomkovich_vendors/data/process"
PEG = "tomkovich_peg3350/data/process"
ABX = "schubert_antibiotics/data/process"
ABX_OTU = (
    f"{ABX}/abxD0.trim.contigs.good.unique.good.filter.unique.precluster.pick.pick.pick.an.unique_list.0.03"
)
ABX_TAX = f"{ABX}/abxD0.trim.contigs.good.unique.good.filter.unique.precluster.pick.v4.wang.pick.pick.tx.5"
LAB = "mlrepo/datasets"
MIA = "formats/microbiome+mia/inst/extdata"
UNIFRAC = "formats/qiime2+q2-diversity-lib/q2_diversity_lib/tests/data"
QIIME = "formats/biocore+qiime/qiime_test_data"
CIPRO = "dethlefsen_cipro/krisrs1128+microbiome_plvm/data/antibiotics-study/abt.rda"


def parts_of(folder: Path, parts: dict) -> dict:
    """Turn names of files into paths, leaving choices as they are."""
    files = ("path", "metadata", "taxonomy", "tree")
    return {key: folder / value if key in files else value for key, value in parts.items()}


# name: (parts, (samples, features), (least, median, most reads), metadata columns)
TABLES = {
    "moving_pictures": (
        {
            "path": "moving_pictures/table-dada2.qza",
            "metadata": "moving_pictures/sample-metadata.tsv",
            "taxonomy": "moving_pictures/taxonomy.qza",
            "tree": "moving_pictures/rooted-tree.qza",
        },
        (34, 820),
        (1172, 5576.5, 12750),
        8,
    ),
    "apgar raw stool": (
        {"path": f"{MICE}/misc/euk_filt_mergedDietAim1table_051523-Copy1.qza"},
        (504, 2189),
        (4, None, 174468),
        0,
    ),
    "apgar raw stool, described": (
        {
            "path": f"{MICE}/misc/euk_filt_mergedDietAim1table_051523-Copy1.qza",
            "metadata": f"{MICE}/misc/processed_metadata.tsv",
            "taxonomy": f"{MICE}/qiime/taxonomy.qza",
            "drop": "unmatched_samples",
        },
        (488, 2189),
        (4, None, 174468),
        11,
    ),
    "apgar amc": (
        {
            "path": f"{AMC}/qiime/newExp_d15-d3_allBatch_table.qza",
            "metadata": f"{AMC}/misc/proc_newExp_d15-d3_metadata.tsv",
            "taxonomy": f"{AMC}/qiime/taxonomy.qza",
        },
        (196, 1516),
        (4491, None, 112254),
        14,
    ),
    "vendors": (
        {
            "path": f"{VENDORS}/vendors.subsample.shared",
            "metadata": f"{VENDORS}/processed_metadata.tsv",
            "taxonomy": f"{VENDORS}/vendors.taxonomy",
            "drop": {"unmatched_samples"},
        },
        (404, 1936),
        (5437, 5437, 5437),
        32,
    ),
    "vendors by family": (
        {
            "path": f"{VENDORS}/vendors.subsample.family.shared",
            "metadata": f"{VENDORS}/vendor_metadata.csv",
            "taxonomy": f"{VENDORS}/vendors.family.taxonomy",
            "drop": {"unmatched_samples"},
        },
        (404, 87),
        (4496, None, 5437),
        None,
    ),
    "ecam biom": ({"path": f"{ECAM}/table.biom"}, (743, 3382), (2085, 14780, 68174), 0),
    "ecam qza": (
        {"path": f"{ECAM}/table.qza", "metadata": f"{ECAM}/metadata.tsv", "taxonomy": f"{ECAM}/taxonomy.qza"},
        (741, 3382),
        (2085, None, 68174),
        44,
    ),
    "ecam genera": (
        {"path": f"{BABIES}/ecam-table-genus.qza", "metadata": f"{BABIES}/ecam-sample-metadata.tsv"},
        (875, 455),
        (2422, None, 94534),
        11,
    ),
    "tap fibre": (
        {
            "path": "tap_fibre_crossover/data-raw/otu.csv",
            "metadata": "tap_fibre_crossover/data-raw/metadata.csv",
            "taxonomy": "tap_fibre_crossover/data-raw/tax.csv",
        },
        (76, 851),
        (1068, 7899, 15331),
        24,
    ),
    "schubert antibiotics": (
        {
            "path": f"{ABX_OTU}.subsample.shared",
            "metadata": f"{ABX}/abx_cdiff_metadata.tsv",
            "taxonomy": f"{ABX_OTU}.cons.taxonomy",
            "drop": {"unmatched_samples"},
        },
        (177, 817),
        (1625, 1625, 1625),
        10,
    ),
    "schubert phylotypes": (
        {"path": f"{ABX_TAX}.subsample.shared", "taxonomy": f"{ABX_TAX}.cons.taxonomy"},
        (177, 15),
        (1625, 1625, 1625),
        0,
    ),
    "cipro": ({"path": CIPRO}, (162, 2582), (5901, 10276, 41901), 3),
    "peg3350 genera": ({"path": f"{PEG}/peg3350.subsample.genus.shared"}, (1384, 157), (1000, 1000, 1000), 0),
    "isb": (
        {
            "path": "isb_cdi_fmt/treasure_chest/dada/table.qza",
            "metadata": "isb_cdi_fmt/data/metadata.tsv",
            "taxonomy": "isb_cdi_fmt/treasure_chest/dada/taxa.qza",
        },
        (8, 462),
        (13992, 59808.5, 119607),
        14,
    ),
    "isb genera qza": ({"path": "isb_cdi_fmt/treasure_chest/genus.qza"}, (8, 163), (13992, None, 119607), 0),
    "isb genera tsv": ({"path": "isb_cdi_fmt/treasure_chest/genus.tsv"}, (8, 163), (13992, None, 119607), 0),
    "cho": (
        {"path": f"{LAB}/cho/gg/otutable.txt", "metadata": f"{LAB}/cho/mapping-orig.txt"},
        (95, 1144),
        (51, None, 2974),
        3,
    ),
    "cho taxa": ({"path": f"{LAB}/cho/gg/taxatable.txt"}, (95, 141), (51, None, 2974), 0),
    "david": ({"path": f"{LAB}/david/refseq/otutable.txt"}, (459, 1747), None, 0),
    "david, described": (
        {
            "path": f"{LAB}/david/refseq/otutable.txt",
            "metadata": f"{LAB}/david/mapping-orig.txt",
            "drop": {"unmatched_samples"},
        },
        (292, 1747),
        None,
        10,
    ),
    "turnbaugh": (
        {"path": f"{LAB}/turnbaugh/gg/otutable.txt", "metadata": f"{LAB}/turnbaugh/mapping-orig.txt"},
        (281, 4051),
        (1, None, 16838),
        67,
    ),
    "claesson": (
        {"path": f"{LAB}/claesson/gg/otutable.txt", "metadata": f"{LAB}/claesson/mapping-orig.txt"},
        (168, 3763),
        (2, None, 39007),
        47,
    ),
    "sokol txt": (
        {"path": f"{LAB}/sokol/gg/otutable.txt", "metadata": f"{LAB}/sokol/mapping-orig.txt"},
        (233, 3677),
        (8, None, 11895),
        62,
    ),
    "sokol biom": (
        {"path": f"{LAB}/sokol/gg/otutable.biom", "metadata": f"{LAB}/sokol/mapping-orig.txt"},
        (233, 4131),
        (8, None, 12172),
        62,
    ),
    "biom 0.9": (
        {
            "path": f"{QIIME}/alpha_diversity/otu_table.biom",
            "metadata": f"{QIIME}/compare_categories/Fasting_Map.txt",
            "tree": f"{QIIME}/alpha_diversity/rep_set.tre",
        },
        (9, 419),
        (146, None, 150),
        5,
    ),
    "biom 1.0": (
        {
            "path": f"{MIA}/Aggregated_humanization2.biom",
            "metadata": f"{MIA}/Mapping_file_ADHD_aggregated.csv",
            "tree": f"{MIA}/Data_humanization_phylo_aggregation.tre",
        },
        (27, 151),
        (1772, None, 40584),
        4,
    ),
    "biom 2.1": (
        {
            "path": f"{UNIFRAC}/crawford.biom",
            "metadata": "formats/biocore+unifrac/unifrac/tests/data/crawford.group.tsv",
            "tree": f"{UNIFRAC}/crawford.nwk",
        },
        (9, 365),
        (87, None, 138),
        6,
    ),
    "biom of taxpasta": ({"path": f"{MIA}/taxpasta_no_type.biom"}, (1, 15352), None, 0),
    "mothur": (
        {
            "path": f"{MIA}/mothur_example.shared",
            "metadata": f"{MIA}/mothur_example.design",
            "taxonomy": f"{MIA}/mothur_example.cons.taxonomy",
        },
        (100, 100),
        (410, None, 583),
        3,
    ),
    "phyloseq rds": (
        {"path": "formats/spholmes+F1000_workflow/data/ps.rds"},
        (360, 389),
        (4, None, 30309),
        14,
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_reads_with_its_published_size(shared_data, name):
    parts, shape, depths, columns = TABLES[name]
    study = an.read_study(**parts_of(shared_data, parts))
    assert study.kind == "counts"
    assert study.shape == shape
    assert (study.taxonomy is not None) >= ("taxonomy" in parts)
    assert (study.tree is not None) >= ("tree" in parts)
    if columns is not None:
        assert study.metadata.shape[1] == columns
    for found, expected in zip(study.depths.quantile([0, 0.5, 1]), depths or (), strict=False):
        assert expected is None or found == expected


SZE = {  # cohort: samples, features of the whole table
    "baxter": (172, 9467), "escobar": (30, 6440), "hmp": (287, 30719), "ross": (63, 3925),
    "schubert": (104, 4075), "turnbaugh": (146, 26544), "wu": (64, 4423), "zeevi": (731, 13726),
    "zupancic": (207, 86573), "goodrich": (982, 59747),
}  # fmt: skip


@pytest.mark.parametrize("cohort", SZE)
def test_mothur_tables_of_ten_cohorts(shared_data, cohort):
    folder = shared_data / "sze_obesity/data" / cohort
    study = an.read_study(folder / f"{cohort}.shared.gz", folder / f"{cohort}.metadata")
    assert study.shape == SZE[cohort]
    assert set(study.metadata.columns) == {"sex", "bmi", "age", "white", "obese"}
    assert study.source.format == "mothur shared, gzip"


@pytest.mark.long
def test_a_large_phyloseq_object(shared_data):
    study = an.read_study(shared_data / "risk_ccfa/data/RISK_CCFA.rda")
    assert study.shape == (1359, 9511)
    assert study.depths.agg(["min", "median", "max"]).tolist() == [1, 29071, 551743]
    assert study.metadata.shape[1] == 73
    assert len(list(study.tree.tips())) == 9511


def test_a_much_larger_tree_is_cut_and_faith_pd_stays(shared_data):
    folder = shared_data / ECAM
    study = an.read_study(folder / "table.qza", tree=folder / "insertion-tree.qza")
    assert "tree cut from 207,287 to 3,382 tips; branches up to the root are kept" in study.source.notes
    tips = list(study.tree.tips())
    assert len(tips) == 3382
    assert len(list(study.tree.preorder())) < 2 * 3382


def test_faith_pd_of_qiime_2_from_a_cut_tree(shared_data):
    from skbio.diversity import alpha_diversity

    folder = shared_data / "moving_pictures"
    study = an.read_study(
        folder / "core-metrics-results/rarefied_table.qza",
        folder / "sample-metadata.tsv",
        tree=folder / "rooted-tree.qza",
        drop="unmatched_samples",
    )
    published = read_alpha(folder / "core-metrics-results/faith_pd_vector.qza").loc[study.sample_ids]
    taxa = study.feature_ids.tolist()
    values = alpha_diversity("faith_pd", study.counts.toarray(), taxa=taxa, tree=study.tree)
    assert np.allclose(values, published, atol=1e-6)


# Scaled fractions


@pytest.mark.parametrize(
    ("name", "what"),
    [
        (f"{MICE}/qiime/tax_filt_actual.qza", "about 100,000"),
        (f"{AMC}/qiime/total_sum_otu_table.qza", "about 100,000"),
        ("apgar_diet_cdiff/arizona_experiments/cecum/data/cecal_qiime/tax_filt_actual.qza", "about 100,000"),
        (f"{MICE}/qiime/core_outputs/rarefied_table.qza", "99,976"),
        (f"{AMC}/qiime/core_outputs/rarefied_table.qza", "97,683"),
    ],
)
def test_scaled_fractions_warn(shared_data, name, what):
    with pytest.warns(ScaledCountsWarning, match=what):
        an.read_study(shared_data / name)


@pytest.mark.parametrize(
    "name",
    [
        f"{VENDORS}/vendors.subsample.shared",
        f"{VENDORS}/vendors.subsample.family.shared",
        f"{PEG}/peg3350.subsample.genus.shared",
        f"{ABX_OTU}.subsample.shared",
        f"{ABX_TAX}.subsample.shared",
        "moving_pictures/core-metrics-results/rarefied_table.qza",
        "isb_cdi_fmt/treasure_chest/diversity/rarefied_table.qza",
        f"{BABIES}/ecam-table-mothers-e2000.qza",
        "sze_obesity/data/ross/ross.0.03.subsample.shared",
        f"{MICE}/misc/euk_filt_mergedDietAim1table_051523-Copy1.qza",
        f"{AMC}/qiime/newExp_d15-d3_allBatch_table.qza",
    ],
)
def test_raw_and_rarefied_counts_do_not_warn(shared_data, name):
    with warnings.catch_warnings():
        warnings.simplefilter("error", AnalysisWarning)
        assert an.read_study(shared_data / name).kind == "counts"


def test_fractions_are_marked(shared_data):
    assert an.read_study(shared_data / UNIFRAC / "crawford_rf.biom").kind == "fractions"


# Refusals


@pytest.mark.parametrize(
    ("name", "error", "what"),
    [
        (f"{UNIFRAC}/empty_table.biom", TableError, "the table is empty"),
        (
            "dethlefsen_cipro/jfukuyama+adaptiveGPCA/data/AntibioticPhyloseq.RData",
            TableError,
            "the table is centred",
        ),
        ("formats/HCBravoLab+metagenomeSeq/data/mouseData.rda", ReadError, "MRcounts"),
        (f"{MIA}/merged_abundance_table.txt", ReadError, "MetaPhlAn"),
        (f"{PEG}/metadata.xlsx", ReadError, "tab-separated"),
        ("tap_fibre_crossover/data-raw/otu.csv", ReadError, "orientation="),
        ("moving_pictures/sample-metadata.tsv", ReadError, "metadata="),
        ("sze_obesity/data/ross/ross.metadata", ReadError, "metadata="),
        ("evident_tests/evident/tests/data/metadata.tsv", ReadError, "metadata="),
        ("evident_tests/evident/tests/data/distance_matrix.lsmat.gz", ReadError, "read_distances"),
        ("sze_obesity/data/ross/ross.braycurtis.0.03.lt.ave.dist", ReadError, "read_distances"),
        (f"{MIA}/mothur_example.cons.taxonomy", ReadError, "taxonomy="),
        ("tap_fibre_crossover/data-raw/tax.csv", ReadError, "taxonomy="),
        (f"{UNIFRAC}/crawford.nwk", ReadError, "tree="),
        ("moving_pictures/taxonomy.qza", ReadError, "read_taxonomy"),
        ("moving_pictures/rooted-tree.qza", ReadError, "read_tree"),
        ("moving_pictures/core-metrics-results/shannon_vector.qza", ReadError, "read_alpha"),
        ("moving_pictures/core-metrics-results/bray_curtis_distance_matrix.qza", ReadError, "read_distances"),
        ("moving_pictures/core-metrics-results/evenness-group-significance.qzv", ReadError, "looking at"),
        ("moving_pictures/stats-dada2.qza", ReadError, "DADA2Stats"),
        ("mlrepo/LICENSE", ReadError, "no table"),
    ],
)
def test_other_files_are_refused_with_the_way_out(shared_data, name, error, what):
    with pytest.raises(error) as caught:
        an.read_study(shared_data / name)
    assert what in str(caught.value)


def test_samples_without_metadata_are_named(shared_data):
    with pytest.raises(IdError, match=r"16 of 504 samples of the table have no metadata: .* and 13 more"):
        an.read_study(
            shared_data / MICE / "misc/euk_filt_mergedDietAim1table_051523-Copy1.qza",
            shared_data / MICE / "misc/processed_metadata.tsv",
        )


def test_a_tree_made_from_another_table_is_refused(shared_data):
    folder = shared_data / "isb_cdi_fmt/treasure_chest"
    with pytest.raises(TreeError, match=r"140 of 462 features \(.* of all reads\) are not in the tree"):
        an.read_study(folder / "dada/table.qza", tree=folder / "tree/rooted_tree.qza")


def test_repeated_metadata_ids_name_the_better_column(shared_data):
    with pytest.raises(IdError, match="id_column='unique_label'"):
        an.read_study(
            shared_data / PEG / "peg3350.subsample.genus.shared",
            shared_data / PEG / "16Sprep_PEG3350_metadata",
        )


# Parts


def test_metadata_of_many_habits(shared_data):
    path = shared_data / "tap_fibre_crossover/data-raw/metadata.csv"
    tap = read_metadata(path)
    expected = pd.read_csv(path, sep=";", decimal=",", encoding="latin-1").set_index("Sample_ID")
    assert tap.index.tolist() == expected.index.astype(str).tolist()
    assert np.allclose(tap["acetate"], expected["acetate"], equal_nan=True)
    assert tap["Subject_Id"].nunique() == 19
    isb = read_metadata(shared_data / "isb_cdi_fmt/data/metadata.tsv")
    assert isb["host_age"].isna().sum() == 4
    assert any("'Restricted access'" in note for note in isb.attrs["notes"])
    moving = read_metadata(shared_data / "moving_pictures/sample-metadata.tsv")
    assert moving.shape == (34, 8)
    assert moving["days-since-experiment-start"].dtype == np.int64
    cecum = read_metadata(
        shared_data / "apgar_diet_cdiff/arizona_experiments/cecum/data/misc/cecal_processed_metadata.tsv"
    )
    assert "samples are named by the metadata column 'sampleid'" in cecum.attrs["notes"]
    assert cecum["date"].str.fullmatch(r"0\d{5}").all()  # written as 042122: a name, not a number


def test_distances_alpha_and_trees(shared_data):
    path = shared_data / "evident_tests/evident/tests/data/distance_matrix.lsmat.gz"
    evident = read_distances(path)
    expected = pd.read_csv(path, sep="\t", index_col=0)
    assert evident.ids == tuple(expected.index)
    assert np.allclose(evident.data, expected, atol=1e-9)
    path = shared_data / VENDORS / "vendors.subsample.thetayc.ave.dist"
    vendors = read_distances(path)
    rows = [line.split() for line in path.read_text().splitlines()[1:]]
    assert vendors.ids == tuple(row[0] for row in rows)
    lower = np.concatenate([np.array(row[1:], dtype=float) for row in rows])
    assert np.array_equal(vendors.data[np.tril_indices(404, -1)], lower)
    bray = read_distances(
        shared_data / "moving_pictures/core-metrics-results/bray_curtis_distance_matrix.qza"
    )
    assert bray.shape == (34, 34)
    shannon = read_alpha(shared_data / "moving_pictures/core-metrics-results/shannon_vector.qza")
    assert (shannon.name, len(shannon)) == ("shannon_entropy", 34)
    assert len(list(read_tree(shared_data / "moving_pictures/rooted-tree.qza").tips())) >= 820
    taxonomy = read_taxonomy(shared_data / "moving_pictures/taxonomy.qza")
    assert taxonomy["Domain"].isin(["Bacteria", "Archaea", ""]).all()
