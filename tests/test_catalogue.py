"""The catalogue, and the embedded tables held to what R counted in them when it exported them."""

import gzip
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis.catalogue import list_datasets, load_dataset, read_catalogue, read_dataset
from analysis.downloading import DownloadFailed
from analysis.errors import ParameterError, ReadError
from analysis.fetching import place
from analysis.paths import data_path
from analysis.study import Study

FIGURES = json.loads(data_path("embedded/figures.json").read_text(encoding="utf-8"))
NAMES = ["turnbaugh_mice", "global_patterns", "twins_genera"]
SCRIPTS = data_path("scripts")


@pytest.fixture(autouse=True)
def no_catalogue_of_the_user(monkeypatch):
    monkeypatch.delenv("ANALYSIS_CATALOGUE", raising=False)


@pytest.fixture(scope="module")
def studies() -> dict[str, Study]:
    return {name: load_dataset(name) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_embedded_table_holds_what_r_counted(studies, name):
    study, figures = studies[name], FIGURES[name]
    assert study.shape == (figures["samples"], figures["features"])
    assert study.counts.nnz == figures["nonzero"]
    seen = np.asarray((study.counts > 0).sum(axis=0)).ravel()
    assert (seen == 0).sum() == figures["features_in_no_sample"]
    if study.kind == "counts":
        assert study.counts.sum() == figures["total"]
        assert study.depths.to_dict() == figures["depths"]  # every sample, exactly
        spread = [study.depths.min(), study.depths.median(), study.depths.max()]
        assert spread == [figures[f"depth_{which}"] for which in ("min", "median", "max")]
    else:  # sums of decimal fractions: equal but for the order of adding up
        assert study.counts.sum() == pytest.approx(figures["total"], rel=1e-13)
        assert study.depths.to_dict() == pytest.approx(figures["depths"], rel=1e-13)


@pytest.mark.parametrize("name", NAMES)
def test_samples_stand_in_the_order_of_r(studies, name):
    assert studies[name].sample_ids.tolist() == list(FIGURES[name]["depths"])


def test_kinds(studies):
    assert {name: study.kind for name, study in studies.items()} == {
        "turnbaugh_mice": "counts",
        "global_patterns": "counts",
        "twins_genera": "fractions",
    }


def test_tree_holds_what_r_counted(studies):
    tree, figures = studies["global_patterns"].tree, FIGURES["global_patterns"]
    tips = {tip.name for tip in tree.tips()}
    inner = [node for node in tree.traverse() if node.children]
    assert len(tips) == figures["tips"]
    assert tips == set(studies["global_patterns"].feature_ids)
    assert len(inner) == figures["internal_nodes"]
    assert {len(node.children) for node in inner} == {2}  # rooted: also the root has two
    assert sum(node.length or 0 for node in tree.traverse()) == pytest.approx(
        figures["branch_length_sum"], rel=1e-13
    )


def test_mice_that_were_switched(studies):
    samples, figures = studies["turnbaugh_mice"].metadata, FIGURES["turnbaugh_mice"]
    switched = samples[samples["diet_group"] == "switched to Western"]
    assert samples["mouseID"].nunique() == figures["mice"]
    assert sorted(switched["mouseID"].unique()) == sorted(figures["mice_ever_on_western"])
    western = samples[samples["diet"] == "Western"]
    assert len(western) == figures["samples_on_western"]
    assert western["date"].astype(str).min() == figures["first_western_date"]
    assert western["days_since_switch"].min() == 1
    assert (switched.loc[switched["days_since_switch"] <= 0, "diet"] == "BK").all()
    assert (switched.loc[switched["days_since_switch"] > 0, "diet"] == "Western").all()


def test_days_follow_the_dates_where_relative_time_does_not(studies):
    samples = studies["turnbaugh_mice"].metadata
    dates = pd.to_datetime(samples["date"].astype(str))
    assert (samples["day"] == (dates - dates.min()).dt.days).all()
    assert (samples["day"] - samples["days_since_switch"]).unique().tolist() == [27]
    from_january = dates >= pd.Timestamp("2008-01-01")
    assert (samples["day"] - samples["relativeTime"]).groupby(from_january).unique().str[0].tolist() == [0, 6]


def test_roles_of_the_mice(studies):
    roles = studies["turnbaugh_mice"].roles
    assert (roles.subject, roles.time, roles.treatment) == ("mouseID", "days_since_switch", "diet_group")
    assert roles.reference == "BK throughout"
    assert roles.baseline == (0,)
    assert roles.follow_up == (1, 7, 14, 21, 28, 35, 42, 49, 56)


def test_people_and_habitats(studies):
    samples = studies["global_patterns"].metadata
    human = samples["SampleType"].isin(["Feces", "Skin", "Tongue"])
    assert samples.loc[human, "person"].value_counts().to_dict() == {
        "M3": 3,
        "M1": 3,
        "F1": 1,
        "TS28": 1,
        "TS29": 1,
    }
    assert samples.loc[~human, "person"].replace("", np.nan).isna().all()
    assert samples["SampleType"].nunique() == 9


def test_enterotypes(studies):
    samples, figures = studies["twins_genera"].metadata, FIGURES["twins_genera"]
    assert samples["Enterotype"].astype(str).value_counts().to_dict() == figures["enterotypes"]
    assert (samples["SeqTech"] == "Pyro454").all()
    assert not set(figures["metadata_columns_left_out"]) & set(samples.columns)
    assert figures["features"] + figures["features_left_out"] == figures["features_of_all_280_samples"]


def test_taxonomy(studies):
    mice = studies["turnbaugh_mice"].taxonomy
    assert mice.loc["Prevotellaceae:1", ["Domain", "Phylum", "Family", "Genus"]].tolist() == [
        "Bacteria",
        "Bacteroidetes",
        "Prevotellaceae",
        "",
    ]
    assert not (mice == "NA").to_numpy().any()
    patterns = studies["global_patterns"].taxonomy
    assert patterns.loc["951", ["Domain", "Genus"]].tolist() == ["Archaea", "Sulfolobus"]
    twins = studies["twins_genera"]
    assert (twins.taxonomy["Genus"] == twins.feature_ids).all()


@pytest.mark.parametrize("name", NAMES)
def test_source_says_where_it_came_from(studies, name):
    source, dataset = studies[name].source, read_catalogue()[name]
    assert source.name == name
    assert {file.part: file.sha256 for file in source.files} == {
        file.part: file.sha256 for file in dataset.files
    }
    assert all(citation in source.citation for citation in dataset.citations)
    assert source.format
    assert source.reader


def test_checksums_and_sizes():
    files = [file for dataset in read_catalogue().values() for file in dataset.files if not file.url]
    for file in files:
        content = place(file).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (file.bytes, file.sha256), file.path
    embedded = sorted(path.name for path in data_path("embedded").iterdir())
    assert embedded == sorted([*(place(file).name for file in files), "figures.json"])
    assert sum(path.stat().st_size for path in data_path("embedded").iterdir()) < 4_000_000


def test_origin_and_licence_are_those_of_the_r_packages():
    package = {
        "turnbaugh_mice": "metagenomeSeq",
        "global_patterns": "phyloseq",
        "twins_genera": "phyloseq",
    }
    catalogue = read_catalogue()
    for name in NAMES:
        dataset = catalogue[name]
        described = FIGURES["packages"][package[name]]
        assert f"{package[name]} {described['version']}" in dataset.origin
        assert dataset.licence == described["license"]
        assert all("doi:10." in citation for citation in dataset.citations)


def test_readme_explains_every_dataset_and_column(studies):
    text = data_path("README.md").read_text(encoding="utf-8")
    for name, study in studies.items():
        section = text.split(f"\n## {name}\n")[1].split("\n## ")[0]
        missing = [column for column in study.metadata.columns if f"`{column}`" not in section]
        assert not missing, (name, missing)
        for citation in read_catalogue()[name].citations:
            assert citation.rsplit("doi:", 1)[1] in section


def test_list_datasets():
    table = list_datasets()
    assert table.index.tolist() == list(read_catalogue())
    assert table.index.tolist()[:3] == NAMES
    assert table.loc["twins_genera", ["kind", "samples", "features"]].tolist() == ["fractions", 154, 154]
    assert table.loc[NAMES, "available"].all()
    assert (table[["title", "species", "design", "citation", "origin", "licence"]] != "").all(axis=None)


def test_what_is_not_on_this_machine_is_not_available(tmp_path, monkeypatch):
    monkeypatch.setenv("ANALYSIS_DATA_DIR", str(tmp_path))
    table = list_datasets()
    assert table.index[table["available"]].tolist() == NAMES
    file = read_catalogue()["tengeler_adhd"].files[0]
    place(file).parent.mkdir(parents=True)
    place(file).write_bytes(b"part of it")
    assert not list_datasets().loc["tengeler_adhd", "available"]


def test_unknown_name_gives_the_nearest():
    with pytest.raises(ParameterError, match="did you mean 'turnbaugh_mice'"):
        load_dataset("turnbaugh_mouse")


@pytest.fixture
def copied(tmp_path):
    """Return the entry of twins_genera with its files copied to where they can be spoilt."""
    dataset = read_catalogue()["twins_genera"]
    files = tuple(replace(file, path=str(shutil.copy(place(file), tmp_path))) for file in dataset.files)
    return replace(dataset, files=files)


def test_copy_is_read(copied):
    assert read_dataset(copied).shape == (154, 154)


def test_altered_and_missing_files_are_refused_together(copied):
    table, metadata, _ = copied.files
    content = bytearray(place(table).read_bytes())
    content[500] ^= 1
    place(table).write_bytes(content)
    place(metadata).unlink()
    with pytest.raises(ReadError) as caught:
        read_dataset(copied)
    message = str(caught.value)
    assert "2 faults" in message
    assert f"expected: 29,598 bytes, sha256 {table.sha256}" in message
    assert hashlib.sha256(content).hexdigest() in message
    assert "twins_genera.metadata.tsv: the file is not on this machine" in message
    assert "make data-embedded" in message


def test_another_size_than_the_catalogue_says_is_refused(copied):
    with pytest.raises(ReadError, match="154 samples x 154 features of fractions"):
        read_dataset(replace(copied, samples=153))


def test_faults_of_a_catalogue_are_told_together(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        'version = 1\n[mine]\ntitel = "a table"\nroles = { subjct = "mouse" }\n'
        '[[mine.files]]\npath = "t.biom"\npart = "tabel"\nsha256 = ""\nbytes = 1\n'
    )
    with pytest.raises(ReadError) as caught:
        read_catalogue(path)
    message = str(caught.value)
    for expected in (
        "'version' is outside any table",
        "the key 'title' is missing",
        "unknown key 'titel'",
        "did you mean 'title'",
        "did you mean 'subject'",
        "'tabel' is no part",
    ):
        assert expected in message


def test_faults_of_types_files_and_steps_are_told_together(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        '[mine]\ntitle = "a"\nspecies = "mouse"\nkind = "reads"\nsamples = "2"\nfeatures = 2\ndesign = "d"\n'
        'citations = "c"\norigin = "o"\nlicence = "l"\n[mine.reading]\nseparator = ";"\nrepeated = "last"\n'
        '[[mine.steps]]\ndo = "mapp"\n[[mine.steps]]\ndo = "drop"\ncolumn = "a"\nsamples = "1"\n'
        'reason = "r"\n'
        '[[mine.steps]]\ndo = "extract"\ncolumn = "a"\nfrom = "b"\npattern = "("\n'
        '[[mine.steps]]\ndo = "join"\ncolumn = "a"\nform = "cage"\n'
        '[[mine.files]]\npart = "metadata"\npath = "m"\nbytes = "1"\nsha256 = "0"\nurl = "http://a.b/c"\n'
    )
    with pytest.raises(ReadError) as caught:
        read_catalogue(path)
    message = str(caught.value)
    for expected in (
        "kind = 'reads'",
        "samples = '2'",
        "citations = 'c'",
        "unknown key 'separator'",
        "repeated is unknown",
        "step 1: do = 'mapp' is no step\n     to do: did you mean 'map'",
        "step 2: samples = '1' is no number of samples",
        "step 2: values or missing",
        "step 3: the pattern is no regular expression",
        "step 4: the form names no column",
        "there must be one file of part table",
        "bytes = '1'",
        "an address that begins with https://",
    ):
        assert expected in message, expected
    assert "13 faults" in message


MINE = """
[mine]
title = "Two mice"
species = "mouse"
kind = "counts"
samples = 2
features = 2
design = "Nothing was done."
citations = ["Mine."]
origin = "my own"
licence = "none stated"
[[mine.files]]
part = "table"
path = "{path}"
bytes = {bytes}
sha256 = "{sha256}"
"""


@pytest.fixture
def mine(tmp_path):
    """Return a user's catalogue of one table that lies beside it."""
    content = b"#OTU ID\ts1\ts2\na\t5\t0\nb\t1\t7\n"
    (tmp_path / "mine.tsv").write_bytes(content)
    path = tmp_path / "mine.toml"
    sha256 = hashlib.sha256(content).hexdigest()
    path.write_text(MINE.format(path="mine.tsv", bytes=len(content), sha256=sha256))
    return path


def test_a_catalogue_of_ones_own(mine, monkeypatch):
    assert load_dataset("mine", catalogue=mine).depths.tolist() == [6, 7]
    assert list_datasets(mine).loc["mine", ["title", "available"]].tolist() == ["Two mice", True]
    with pytest.raises(ParameterError, match="no dataset 'mine'"):
        load_dataset("mine")
    other = mine.with_name("other.toml")
    other.write_text(mine.read_text().replace("[mine", "[other").replace("[[mine", "[[other"))
    monkeypatch.setenv("ANALYSIS_CATALOGUE", os.pathsep.join([str(mine), str(other)]))
    assert list_datasets().index.tolist()[-2:] == ["mine", "other"]
    assert load_dataset("other").shape == (2, 2)


def test_a_table_with_an_address_is_downloaded_and_then_here(mine, tmp_path, monkeypatch):
    address = "https://example.org/mine.tsv"
    content = mine.with_name("mine.tsv").read_bytes()
    mine.write_text(mine.read_text().replace('"mine.tsv"', '"lab/mine.tsv"') + f'url = "{address}"\n')
    monkeypatch.setenv("ANALYSIS_DATA_DIR", str(tmp_path / "cache"))

    def unreachable(file, path, patience):
        raise DownloadFailed("no network", "unreachable")

    def fetched(file, path, patience):
        path.parent.mkdir(parents=True)
        path.write_bytes(content)

    monkeypatch.setattr("analysis.downloading.download", unreachable)
    with pytest.raises(ReadError, match="no network") as caught:
        load_dataset("mine", mine)
    assert address in str(caught.value)
    assert not list_datasets(mine).loc["mine", "available"]
    monkeypatch.setattr("analysis.downloading.download", fetched)
    assert load_dataset("mine", mine).depths.tolist() == [6, 7]
    assert list_datasets(mine).loc["mine", "available"]
    monkeypatch.setattr("analysis.downloading.download", unreachable)
    assert load_dataset("mine", mine).shape == (2, 2)


def test_a_name_of_another_catalogue_is_refused(mine):
    mine.write_text(mine.read_text().replace("[mine", "[ecam").replace("[[mine", "[[ecam"))
    with pytest.raises(ReadError, match="'ecam' is in another catalogue already"):
        list_datasets(mine)


def test_a_catalogue_that_is_no_toml_or_not_there(tmp_path):
    path = tmp_path / "mine.toml"
    with pytest.raises(ReadError, match=r"mine\.toml"):
        read_catalogue(path)
    path.write_text("[mine\n")
    with pytest.raises(ReadError, match="expected: a TOML file"):
        read_catalogue(path)


def _r_packages_there() -> bool:
    if shutil.which("Rscript") is None:
        return False
    asked = "quit(status = !all(sapply(c('metagenomeSeq', 'phyloseq', 'jsonlite'), requireNamespace)))"
    return subprocess.run(["Rscript", "-e", asked], capture_output=True, check=False).returncode == 0


@pytest.mark.long
def test_rebuilding_gives_the_same_content(tmp_path):
    if not SCRIPTS.is_dir() or not _r_packages_there():
        pytest.skip("R with metagenomeSeq, phyloseq and jsonlite is not on this machine")
    build, packed = tmp_path / "build", tmp_path / "packed"
    subprocess.run(["Rscript", SCRIPTS / "export_embedded.R", build], check=True, capture_output=True)
    packed.mkdir()
    spec = importlib.util.spec_from_file_location("pack_embedded", SCRIPTS / "pack_embedded.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.pack(build, packed)
    from biom import load_table

    for path in data_path("embedded").iterdir():
        rebuilt = packed / path.name
        if path.suffix == ".biom":
            assert load_table(str(path)) == load_table(str(rebuilt))
        elif path.suffix == ".gz":
            assert gzip.decompress(path.read_bytes()) == gzip.decompress(rebuilt.read_bytes())
        elif path.name == "figures.json":
            ours, theirs = (json.loads(file.read_text()) for file in (path, rebuilt))
            assert {name: ours[name] for name in NAMES} == {name: theirs[name] for name in NAMES}
        else:
            assert path.read_bytes() == rebuilt.read_bytes()
