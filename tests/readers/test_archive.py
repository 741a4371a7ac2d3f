"""QIIME 2 artifacts: the right data out, and nothing unsafe followed."""

import io
import zipfile

import numpy as np
import pytest

import analysis as an
from analysis.errors import ReadError, TableError
from analysis.readers import archive, read_alpha, read_distances, read_taxonomy, read_tree

TABLE = "FeatureTable[Frequency]"


def test_a_table_is_read(artifact, biom_bytes, counts):
    study = an.read_study(artifact(TABLE, "feature-table.biom", biom_bytes))
    assert np.array_equal(study.counts.toarray(), counts)
    assert study.source.format == "QIIME 2 FeatureTable[Frequency], BIOM 2.1 (HDF5)"


def refused(path, error=ReadError):
    with pytest.raises(error) as caught:
        an.read_study(path)
    return str(caught.value)


@pytest.mark.parametrize(
    ("kind", "remedy"),
    [
        ("FeatureData[Taxonomy]", "read_taxonomy"),
        ("Phylogeny[Rooted]", "read_tree"),
        ("SampleData[AlphaDiversity]", "read_alpha"),
        ("DistanceMatrix", "read_distances"),
        ("Visualization", "the .qza that it was made from"),
        ("SampleData[DADA2Stats]", "export"),
    ],
)
def test_another_type_names_the_function_that_reads_it(artifact, kind, remedy):
    text = refused(artifact(kind, "x.tsv", "a\tb\n"))
    assert kind in text
    assert remedy in text


@pytest.mark.parametrize("read", [read_alpha, read_distances, read_taxonomy, read_tree])
def test_a_table_given_to_another_reader_names_read_study(artifact, biom_bytes, read):
    with pytest.raises(ReadError, match="read_study"):
        read(artifact(TABLE, "feature-table.biom", biom_bytes))


@pytest.mark.parametrize("kind", ["FeatureTable[PresenceAbsence]", "FeatureTable[Composition]"])
def test_tables_without_reads_are_refused(artifact, biom_bytes, kind):
    assert "holds no reads" in refused(artifact(kind, "feature-table.biom", biom_bytes), TableError)


@pytest.mark.parametrize("entry", ["../evil.txt", "a/../../evil.txt", "/etc/evil", "C:/evil.txt", "..\\evil"])
def test_names_that_climb_out_are_refused(artifact, biom_bytes, entry):
    text = refused(artifact(TABLE, "feature-table.biom", biom_bytes, extra=[(entry, "x")]))
    assert "climbs out" in text


def test_a_declared_size_over_the_limit_is_refused(artifact, biom_bytes, monkeypatch):
    monkeypatch.setattr(archive, "MAX_UNPACKED", 1_000)
    assert "at most 1,000" in refused(artifact(TABLE, "feature-table.biom", biom_bytes))


def test_a_bomb_that_understates_its_size_is_refused(artifact):
    path = artifact(TABLE, "feature-table.biom", bytes(3_000_000))
    content = path.read_bytes()
    honest = (3_000_000).to_bytes(4, "little")
    assert content.count(honest) == 2
    path.write_bytes(content.replace(honest, (300).to_bytes(4, "little")))
    assert "damaged" in refused(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_truncated_artifact_is_refused(artifact, biom_bytes, share):
    path = artifact(TABLE, "feature-table.biom", biom_bytes)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert "truncated, damaged" in refused(path)


def test_an_encrypted_artifact_is_refused(artifact, biom_bytes):
    path = artifact(TABLE, "feature-table.biom", biom_bytes)
    content = bytearray(path.read_bytes())
    for marker, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = content.find(marker)
        while place >= 0:
            content[place + offset] |= 1
            place = content.find(marker, place + 1)
    path.write_bytes(bytes(content))
    assert "encrypted" in refused(path)


@pytest.mark.parametrize(
    "yaml",
    [
        "type: !!python/object/apply:os.getcwd []\n",
        "format: X\n",
        "type: [1, 2]\n",
        "[" * 900,
        "just text",
        "type: " + "x" * 2_000,
        b"\xff\xfe\x00",
    ],
)
def test_yaml_that_is_unsafe_or_says_no_type_is_refused(artifact, yaml):
    assert "does not say the artifact's type" in refused(artifact(TABLE, "x.biom", b"", yaml=yaml))


def test_other_zip_files_are_refused(tmp_path):
    path = tmp_path / "any.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("table.tsv", "#OTU ID\ts1\na\t1\n")
    assert "unpack it" in refused(path)


def test_a_workbook_is_refused(tmp_path):
    path = tmp_path / "table.xlsx"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("[Content_Types].xml", "<Types/>")
        file.writestr("xl/workbook.xml", "<workbook/>")
    assert "save the sheet as tab-separated text" in refused(path)


def test_an_artifact_with_several_data_files_is_refused(artifact, biom_bytes):
    path = artifact(TABLE, "feature-table.biom", biom_bytes)
    with zipfile.ZipFile(path, "a") as file:
        root = file.namelist()[0].split("/")[0]
        file.writestr(f"{root}/data/second.biom", biom_bytes)
    assert "2 data files" in refused(path)


def test_no_entry_is_written_to_disk(artifact, biom_bytes, tmp_path):
    path = artifact(TABLE, "feature-table.biom", biom_bytes)
    before = {p.name for p in tmp_path.iterdir()}
    an.read_study(path)
    assert {p.name for p in tmp_path.iterdir()} == before


def test_an_entry_without_a_name_is_no_artifact(artifact, biom_bytes):
    path = artifact(TABLE, "feature-table.biom", biom_bytes)
    with zipfile.ZipFile(path, "a") as file:
        file.writestr(zipfile.ZipInfo(""), "x")
    assert "no QIIME 2 artifact" in refused(path)


def test_a_zip_without_entries_is_refused(write):
    stream = io.BytesIO()
    zipfile.ZipFile(stream, "w").close()
    assert "no QIIME 2 artifact" in refused(write("empty.qza", stream.getvalue()))
