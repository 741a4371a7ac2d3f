"""What the fuzzer found, each as a small file made by hand, and what a limit must not refuse."""

import gzip
import io
import json
import struct
import sys
import zipfile

import h5py
import numpy as np
import pytest
import rdata  # noqa: F401 - the heavy libraries are imported before the clock of a child runs
import skbio  # noqa: F401
from biom_files import biom_hdf5
from checks import refused
from hostile_archives import bomb, entries_of
from hostile_r import HEADER, altrep, sequence, word
from hostile_text import DEEP_TOML
from sound_files import FORMATS, SPARSE, TABLE, original, zipped
from watched import in_a_child, outcome_of

import analysis as an
from analysis.errors import AnalysisError, ReadError, TableError, TaxonomyError
from analysis.pilots.reading import read_pilot
from analysis.readers import read_distances, read_metadata, read_taxonomy, read_tree
from analysis.readers.phylogeny import Phylogeny
from analysis.records import read_toml

SIZE = 10 * 2**20  # bytes that a bomb of 10 kB unpacks to


def one_text_for_all():
    """Return a BIOM file in which 60,000 ids are the same megabyte of text."""
    places = []

    def change(file):
        del file["sample/ids"]
        ids = file.create_dataset("sample/ids", (60_000,), h5py.string_dtype())
        ids[0] = "x" * 1_000_000
        file.flush()
        places.append(ids.id.get_offset())

    content = bytearray(biom_hdf5(change))
    start = places[0]
    content[start : start + 16 * 60_000] = content[start : start + 16] * 60_000
    return bytes(content)


def long_texts():
    """Return JSON in which one long text among the numbers would widen every cell of an array."""
    return json.dumps(SPARSE | {"data": [[0, 0, 1]] * 5_000 + [[0, 0, "x" * 100_000]]}).encode()


HOSTILE = {
    "header of blank names": (
        "mothur shared",
        lambda: b"label\tGroup\tnumOtus\ta" + b"\t" * 60_000 + b"\n1\tm\t1\t2",
    ),
    "packed lines": ("packed text", lambda: bomb(b"#\n", SIZE, "gzip")),
    "packed lines, bzip2": ("packed text", lambda: bomb(b"s1\t0\t1\n", SIZE, "bzip2")),
    "packed columns": ("packed text", lambda: bomb(b"a,", SIZE, "gzip")),
    "packed columns of metadata": ("metadata", lambda: bomb(b"0\t", SIZE, "gzip")),
    "packed brackets": ("tree", lambda: bomb(b"(", SIZE, "gzip")),
    "packed quotes": ("tree", lambda: bomb(b"'", SIZE, "gzip")),
    "one long stem": ("tree of a table", lambda: b"(" * 50_000 + b"a,x" + b")" * 50_000 + b";"),
    "deep brackets": ("tree", lambda: b"(" * 300_000 + b"a,b" + b")" * 300_000 + b";"),
    "PHYLIP of few numbers": ("PHYLIP, lower triangle", lambda: b"19999\n" + b"a\n" * 19_999),
    "digits that are no number": ("metadata", lambda: b"id\tx\ns1\t" + b"9" * 200_000 + b"x\n"),
    "text that widens an array": ("BIOM 1.0 sparse", long_texts),
    "texts that share their bytes": ("BIOM 2.1", one_text_for_all),
    "R sequences": ("phyloseq", lambda: HEADER + word(0x13, 40) + sequence(4e7) * 40),
    "spaces in TOML": (
        "panels",
        lambda: original("panels").replace(b'title = "', b'title = "a' + b" " * 200_000 + b"b"),
    ),
}


@pytest.mark.skipif(sys.platform != "linux", reason="limits and peaks of memory are read as Linux tells them")
@pytest.mark.parametrize("case", HOSTILE)
def test_time_and_memory_keep_to_the_size_of_a_file(case, tmp_path):
    name, make = HOSTILE[case]
    path, beside = tmp_path / "hostile", tmp_path / "sound.tsv"
    path.write_bytes(make())
    beside.write_text(TABLE)
    assert in_a_child(lambda: outcome_of(name, path, beside)) in ("read", "refused")


@pytest.mark.parametrize("size", [5_000, 40_000], ids=["nested", "nested too deeply for Python"])
def test_json_that_is_nested_deeply(size, tmp_path):
    text = json.dumps(SPARSE).replace('"k__Archaea"', "[" * size + "]" * size)
    assert "nested too deeply" in refused(an.read_study, tmp_path / "a.biom", text.encode())


@pytest.mark.parametrize("part", ["a", "s1", "k__Archaea", "0"])
def test_json_with_half_a_character(part, tmp_path):
    text = json.dumps(SPARSE)
    content = text.replace(f'"{part}"', '"\\ud83d"').encode()
    assert "surrogates not allowed" in refused(an.read_study, tmp_path / "a.biom", content)
    raw = content.replace(b"\\ud83d", b"\xed\xa0\xbd")
    assert "invalid continuation byte" in refused(an.read_study, tmp_path / "a.biom", raw)
    (tmp_path / "b.biom").write_text(text.replace(f'"{part}"', '"\\ud83d\\ude00"'))
    assert an.read_study(tmp_path / "b.biom").shape == (2, 3)


@pytest.mark.parametrize("value", [*DEEP_TOML, b"9" * 5_000, b"0x" + b"f" * 5_000])
def test_toml_that_no_computer_holds(value, tmp_path):
    text = refused(lambda path: read_toml(path, ReadError), tmp_path / "a.toml", b"a = " + value)
    assert text.startswith("a.toml: 1 fault")
    assert len(text) < 1_000


def test_a_message_stays_short_whatever_the_file_holds(tmp_path):
    text = refused(
        read_metadata, tmp_path / "a.tsv", b"id\t" + b"x" * 10**6 + b"\t" + b"x" * 10**6, AnalysisError
    )
    assert len(text) < 5_000
    assert "letters left out" in text
    many = "".join(f"[[claims.a.b]]\nc{k} = 1\n" for k in range(2_000))
    assert len(refused(an.load_claims, tmp_path / "a.toml", many.encode())) < 20_000


def test_a_taxonomy_in_which_all_lines_are_comments(tmp_path):
    text = refused(read_taxonomy, tmp_path / "a.tsv", b"#id\tTaxon\n#a\tk__Bacteria; p__x\n", TaxonomyError)
    assert "begin with '#'" in text


def test_a_reference_that_r_has_not_written_yet(tmp_path):
    stream = HEADER + altrep(b"wrap_real", word(0xFF | 9 << 8))
    assert "rdata cannot read" in refused(an.read_study, tmp_path / "a.rds", stream)


def patched(content, offset, value):
    """Change a field in the directory of a zip file, in its first entry."""
    place = content.index(b"PK\x01\x02") + offset
    return content[:place] + struct.pack("<H", value) + content[place + 2 :]


@pytest.mark.parametrize(
    ("offset", "value", "said"),
    [(8, 1, "encrypted"), (10, 12, "method 12"), (10, 99, "method 99"), (16, 7, "damaged")],
    ids=["encrypted", "bzip2", "an unknown method", "a wrong checksum"],
)
def test_zip_files_of_other_habits(offset, value, said, tmp_path):
    for name in ("artifact of a taxonomy", "pilot"):
        content = patched(original(name), offset, value)
        assert said in refused(
            lambda path, name=name: FORMATS[name].read(path, path), tmp_path / "a", content
        )


def array(values, **header):
    """Return an array as numpy.save writes it, with lies in its header."""
    stream = io.BytesIO()
    np.save(stream, values)
    content = stream.getvalue()
    for old, new in header.values():
        content = content.replace(old, new)
    return content


@pytest.mark.parametrize(
    ("part", "content"),
    [
        ("header.npy", b"not an array"),
        ("header.npy", array(np.frombuffer(b"[1, 2]", np.uint8))),
        ("header.npy", array(np.frombuffer(b"[" * 50_000, np.uint8))),
        ("header.npy", array(np.frombuffer(b'{"taxa": 5}', np.uint8))),
        ("loadings.npy", array(np.zeros((5, 8)), shape=(b"(5, 8)", b"(5, 9)"))),
        ("loadings.npy", array(np.zeros((5, 8)), shape=(b"(5, 8), }    ", b"(99999999,), }"))),
        ("loadings.npy", array(np.zeros(5))),
        ("loadings.npy", array(np.full((5, 8), np.nan))),
        ("loadings.npy", array(np.zeros((5, 8), dtype="c8"))),
        ("loadings.npy", array(np.array([["a"]]))),
        ("mean_share.npy", array(np.zeros(4))),
        ("extra.txt", b"x"),
    ],
)
def test_pilots_whose_parts_do_not_fit(part, content, tmp_path):
    entries = dict(entries_of(original("pilot"))) | {part: content}
    text = refused(read_pilot, tmp_path / "pilot.npz", zipped(list(entries.items())))
    assert part.removesuffix(".npy") in text


def test_the_root_is_found_below_any_stem():
    def phylogeny(*parents):
        return Phylogeny(np.array(parents), [None] * len(parents), np.full(len(parents), np.nan))

    assert phylogeny(-1, 0, 1, 2, 2, 2).is_unrooted
    assert not phylogeny(-1, 0, 1, 2, 2).is_unrooted
    assert not phylogeny(-1, 0).is_unrooted
    stem = Phylogeny(np.array([-1, 0, 1, 1, 1]), [None] * 5, np.array([np.nan, 0.5, 1, 1, 1]))
    assert not stem.is_unrooted  # the stem has a length


def test_wide_sparse_and_repetitive_tables_are_read(tmp_path):
    wide = tmp_path / "wide.tsv.gz"  # 40,000 named columns, three rows, hardly a number above 0
    header = "\t".join(["sample-id", *(f"feature_{k}" for k in range(40_000))])
    rows = [f"s{k}\t" + "\t".join(["1"] + ["0"] * 39_999) for k in range(3)]
    wide.write_bytes(gzip.compress("\n".join([header, *rows]).encode()))
    assert an.read_study(wide).shape == (3, 40_000)
    long = tmp_path / "long.tsv.gz"  # 60,000 lines that differ in their ids only
    lines = ["#OTU ID\ts1\ts2", *(f"f{k}\t1\t1" for k in range(60_000))]
    long.write_bytes(gzip.compress("\n".join(lines).encode()))
    assert an.read_study(long).shape == (2, 60_000)
    empty = tmp_path / "empty.tsv.gz"  # unpacks to over a hundred times its size
    lines = ["#OTU ID\t" + "\t".join(f"s{k}" for k in range(1_000))]
    lines += [f"f{k}\t" + "\t".join(["0"] * k + ["5"] + ["0"] * (999 - k)) for k in range(1_000)]
    text = "\n".join(lines).encode()
    empty.write_bytes(gzip.compress(text, 9))
    assert len(text) > 100 * empty.stat().st_size
    assert an.read_study(empty).counts.nnz == 1_000


def test_trees_and_distances_are_read_as_before(tmp_path):
    path = tmp_path / "a.nwk"
    path.write_text('(\'it\'\'s a\':1,"b ""c""":2,d:3);')
    assert [tip.name for tip in read_tree(path).tips()] == ["it's a", 'b "c"', "d"]
    path.write_text("3\na\nb 0.25\nc 0.5 x\n")
    with pytest.raises(ReadError, match="1 line"):
        read_distances(path)


def test_zip_members_by_thousands_do_no_harm(tmp_path):
    entries = entries_of(original("artifact of a table"))
    root = entries[0][0].split("/")[0]
    path = tmp_path / "a.qza"
    path.write_bytes(zipped([*entries, *((f"{root}/provenance/{k}", b"") for k in range(3_000))]))
    assert an.read_study(path).shape == (3, 4)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(f"{root}/data/second", "x")
    with pytest.raises(ReadError, match="2 data files"):
        an.read_study(path)


def test_a_table_of_nothing_is_refused(tmp_path):
    assert "empty" in refused(an.read_study, tmp_path / "a.tsv", b"#OTU ID\ts1\n", TableError)


def test_a_line_of_separators_is_refused_before_it_is_cut(tmp_path):
    path = tmp_path / "tabs.tsv.gz"
    path.write_bytes(gzip.compress(b"a" + b"\t" * 6_000_000))
    with pytest.raises(ReadError, match="line 1: the line has 6,000,001 columns"):
        an.read_study(path)
