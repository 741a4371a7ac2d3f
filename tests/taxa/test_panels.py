"""The panel file: what it holds, and that every fault of a wrong one is named at once."""

import dataclasses
from datetime import date

import pytest

from analysis.errors import ReadError
from analysis.taxa.panels import Panel, comparable, load_panels
from analysis.taxonomy import RANKS

GOOD = """
[mine]
title = "Two genera"
why = "To see whether they rise."
registered = 2026-11-22
sources = [{ citation = "Someone 2020", doi = "10.1000/xyz123" }]
limits = ["Says nothing else."]
[[mine.up]]
name = "Enterococcus"
rank = "Genus"
also = ["Vagococcus"]
[[mine.down]]
name = "Blautia"
rank = "Genus"
"""


def load(tmp_path, text):
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return load_panels(path)


def test_the_four_panels_are_what_their_sources_name():
    panels = load_panels()
    assert list(panels) == ["gevers_axis", "ppi", "escherichia_shigella", "infant_botulism"]
    axis = panels["gevers_axis"]
    assert [t.name for t in axis.up] == [
        "Enterobacteriaceae", "Pasteurellaceae", "Veillonellaceae", "Fusobacteriaceae",
    ]  # fmt: skip
    assert [t.name for t in axis.down] == ["Erysipelotrichales", "Bacteroidales", "Clostridiales"]
    assert {t.rank for t in axis.up} == {"Family"}
    assert {t.rank for t in axis.down} == {"Order"}
    assert "10.1016/j.chom.2014.02.005" in [doi for _, doi in axis.sources]
    genera = ["Enterococcus", "Streptococcus", "Staphylococcus", "Escherichia-Shigella"]
    assert [t.name for t in panels["ppi"].up] == genera
    assert panels["ppi"].sources[0][1] == "10.1136/gutjnl-2015-310376"
    assert [t.name for t in panels["escherichia_shigella"].up] == ["Escherichia-Shigella"]
    assert [t.name for t in panels["infant_botulism"].up] == ["Enterobacteriaceae", "Enterococcus"]
    assert all(not panel.down for name, panel in panels.items() if name != "gevers_axis")


def test_every_panel_says_when_why_from_where_and_what_it_cannot_say():
    for name, panel in load_panels().items():
        assert panel.id == name
        assert panel.registered <= date(2026, 11, 22)
        assert len(panel.why) > 50
        assert panel.sources
        assert len(panel.limits) >= 3
        # no short read tells species apart: a panel for 16S must not ask for any
        assert "Species" not in {taxon.rank for taxon in (*panel.up, *panel.down)}
    assert "not an index of harm" in " ".join(load_panels()["gevers_axis"].limits)


def test_panels_cannot_be_changed_in_passing():
    panels = load_panels()
    with pytest.raises(TypeError):
        panels["mine"] = panels["ppi"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        panels["ppi"].title = "Harm"


def test_a_panel_of_the_users_own(tmp_path):
    panel = load(tmp_path, GOOD)["mine"]
    assert isinstance(panel, Panel)
    assert panel.registered == date(2026, 11, 22)
    assert panel.to_frame().to_dict("list") == {
        "side": ["up", "down"],
        "taxon": ["Enterococcus", "Blautia"],
        "rank": ["Genus", "Genus"],
        "also": ["Vagococcus", ""],
    }
    assert "Two genera" in panel._repr_html_()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("title =", "titel =", ["unknown key 'titel'", "did you mean 'title'?", "'title' is missing"]),
        ('title = "Two genera"', 'title = ""', ["title = ''", "text that is not empty"]),
        ("registered = 2026-11-22", 'registered = "soon"', ["'soon' is not a day", "2026-11-22"]),
        ('"10.1000/xyz123"', '"xyz"', ["'xyz' is not a DOI", "sources, entry 1"]),
        (
            'sources = [{ citation = "Someone 2020", doi = "10.1000/xyz123" }]',
            "sources = 3",
            ["3 is not a table"],
        ),
        ('["Says nothing else."]', '"Says nothing else."', ["limits: not a list of sentences"]),
        (
            'name = "Blautia"\nrank = "Genus"',
            'name = "Blautia"\nrank = "Genius"',
            ["'Genius'", "did you mean 'Genus'"],
        ),
        ('also = ["Vagococcus"]', 'also = "Vagococcus"', ["also = 'Vagococcus'", "a list of names"]),
        (
            'name = "Blautia"',
            'name = "enterococcus_B"',
            ["'enterococcus_B' already counts in [mine] up, entry 1"],
        ),
        ("[[mine.down]]", "[mine.down]", ["[mine] down: not a list of taxa"]),
        ("[[mine.up]]", "[[mine.upp]]", ["unknown key 'upp'", "did you mean 'up'?", "'up' is missing"]),
        ('name = "Blautia"', "", ["[mine] down, entry 1: 'name' is missing"]),
        (GOOD, "", ["there is no panel"]),
        (GOOD, "mine = 3", ["[mine]: 3 is not a table"]),
        ("why =", "why", ["mine.toml", "cannot be read", "line 4"]),
    ],
)
def test_a_wrong_file_is_refused_with_the_place_and_the_remedy(tmp_path, old, new, words):
    with pytest.raises(ReadError) as caught:
        load(tmp_path, GOOD.replace(old, new, 1))
    for word in words:
        assert word in str(caught.value), str(caught.value)


def test_all_faults_of_a_file_come_at_once(tmp_path):
    text = GOOD.replace("title", "titel").replace('"Genus"', '"Tribe"').replace("10.1000/", "")
    with pytest.raises(ReadError) as caught:
        load(tmp_path, text + text.replace("mine", "other"))
    assert len(caught.value.faults) == 10  # five in each of two panels


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ReadError, match=r"none\.toml.*\n.*cannot be read"):
        load_panels(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("rank", "same"),
    [
        (
            "Genus",
            [
                "Escherichia-Shigella",
                "Escherichia/Shigella",
                "escherichia_shigella",
                '"Escherichia Shigella"',
            ],
        ),
        ("Genus", ["Enterococcus", "Enterococcus_B", "Enterococcus_AA", "Enterococcus_H_360604"]),
        ("Family", ["Tissierellaceae", "[Tissierellaceae]", "Tissierellaceae_A"]),
        ("Order", ["Clostridia UCG-014", "Clostridia_UCG-014"]),
    ],
)
def test_spellings_of_one_name(rank, same):
    assert len({comparable(name, rank) for name in same}) == 1


@pytest.mark.parametrize(
    ("rank", "different"),
    [
        ("Genus", ["Ruminococcus", "[Ruminococcus]"]),  # brackets: not of this genus
        (
            "Genus",
            ["Clostridium", "Clostridium_XI", "Clostridium_IV", "Clostridium sensu stricto 1"],
        ),  # RDP, SILVA
        ("Family", ["Clostridiaceae", "Clostridiaceae_1"]),
        ("Genus", ["Prevotella", "Prevotella_9"]),
    ],
)
def test_names_that_must_stay_apart(rank, different):
    assert len({comparable(name, rank) for name in different}) == len(different)


def test_gtdb_letters_are_taken_off_clostridium_and_rdp_clusters_kept():
    assert comparable("Clostridium_A", "Genus") == comparable("Clostridium_AQ", "Genus") == "clostridium"


def test_ranks_are_those_of_the_taxonomy():
    assert all(taxon.rank in RANKS for panel in load_panels().values() for taxon in (*panel.up, *panel.down))
