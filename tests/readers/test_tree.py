"""Trees: Newick of any habit, and cutting that changes no distance."""

import gzip
import io

import numpy as np
import pandas as pd
import pytest
from skbio import TreeNode
from skbio.diversity import alpha_diversity, beta_diversity

import analysis as an
from analysis.diversity.phylogeny import branches_of
from analysis.errors import ReadError, TreeError
from analysis.readers import read_tree
from analysis.readers.newick import parse_newick
from analysis.readers.phylogeny import fit_tree, phylogeny_from_skbio

NEWICK = "(((a:1,b:2)0.97:0.5,'c d':1e-1)x:0.25,((e_f:3,g:1):1,(h:2,i:2)y:0.125)z:4)root;"


def random_newick(seed, n):
    """Return a random tree of n tips, with a long stem in places and inner names."""
    rng = np.random.default_rng(seed)
    nodes = [f"t{k}:{rng.gamma(1):.6f}" for k in range(n)]
    while len(nodes) > 2:
        size = min(int(rng.integers(1, 4)), len(nodes))
        taken = [nodes.pop(int(rng.integers(len(nodes)))) for _ in range(size)]
        nodes.append(f"({','.join(taken)})n{len(nodes)}:{rng.gamma(1):.6f}")
    return f"({','.join(nodes)});"


def same_trees(one, other):
    """Compare two trees node by node, in order."""
    ones, others = list(one.preorder()), list(other.preorder())
    assert [node.name for node in ones] == [node.name for node in others]
    assert [len(node.children) for node in ones] == [len(node.children) for node in others]
    assert [node.length for node in ones] == [node.length for node in others]


@pytest.mark.parametrize("text", [NEWICK, random_newick(0, 60), "(a,b,(c,d));", "((((a:1):2):3,b:1):1);"])
def test_trees_are_those_that_scikit_bio_reads(write, text):
    expected = TreeNode.read(io.StringIO(text), format="newick", convert_underscores=False)
    same_trees(read_tree(write("t.nwk", text)), expected)
    same_trees(read_tree(write("t.nwk.gz", gzip.compress(text.encode()))), expected)


def test_a_tree_in_an_artifact(artifact):
    tree = read_tree(artifact("Phylogeny[Rooted]", "tree.nwk", NEWICK))
    assert [tip.name for tip in tree.tips()] == ["a", "b", "c d", "e_f", "g", "h", "i"]


def test_comments_quotes_and_spaces():
    text = b"[&R] ( 'it''s':1 , \"two words\":2 [note], plain name :3 ) ;\n"
    tree = parse_newick(text, "t.nwk")
    assert tree.names == [None, "it's", "two words", "plain name"]
    assert tree.lengths[1:].tolist() == [1, 2, 3]


def test_a_very_deep_tree_needs_no_recursion():
    text = "(" * 20_000 + "a:1" + ",b:1):1" * 20_000 + ";"
    tree = parse_newick(text.encode(), "deep.nwk")
    assert tree.is_tip.sum() == 20_001
    cut = tree.sheared(np.flatnonzero(tree.is_tip)[-2:])
    assert cut.lengths[1:].tolist() == [2, 1]


@pytest.mark.parametrize("seed", range(4))
def test_cutting_changes_no_diversity(seed):
    rng = np.random.default_rng(seed)
    whole = parse_newick(random_newick(seed, 80).encode(), "t.nwk")
    kept = [f"t{k}" for k in rng.choice(80, 12, replace=False)]
    fitted = fit_tree(whole, kept, "t.nwk")
    cut = fitted.cut_to(pd.Index(kept)).to_skbio()
    assert {tip.name for tip in cut.tips()} == set(kept)
    counts = rng.poisson(1.0, (5, 12))
    counts[:, 0] = 1
    large = whole.to_skbio()
    assert len(list(cut.preorder())) < 2 * len(kept) + 1
    one, other = (alpha_diversity("faith_pd", counts, taxa=kept, tree=tree) for tree in (large, cut))
    assert np.allclose(one, other, rtol=1e-12)
    for metric in ("unweighted_unifrac", "weighted_unifrac"):
        one, other = (beta_diversity(metric, counts, taxa=kept, tree=tree).data for tree in (large, cut))
        assert np.allclose(one, other, rtol=1e-9, atol=1e-12)


def test_cutting_to_one_side_keeps_the_way_up_to_the_root():
    whole = parse_newick(NEWICK.encode(), "t.nwk")
    fitted = fit_tree(whole, ["e_f", "g"], "t.nwk")
    tree = fitted.cut_to(pd.Index(["e_f", "g"])).to_skbio()
    assert tree.name == "root"
    assert {tip.name: tip.distance(tree) for tip in tree.tips()} == {"e_f": 8, "g": 6}
    assert len(tree.children) == 1
    assert "7 to 2 tips" in fitted.notes[0]


def test_a_missing_length_stays_missing():
    whole = parse_newick(b"(((a:1):2,c:1):1,((d:1),e:1):1);", "t.nwk")
    tree = fit_tree(whole, ["a", "c", "d"], "t.nwk").cut_to(pd.Index(["a", "c", "d"])).to_skbio()
    assert {tip.name: tip.length for tip in tree.tips()} == {"a": 3, "c": 1, "d": None}


def test_a_tree_with_the_right_tips_is_left_alone():
    whole = parse_newick(NEWICK.encode(), "t.nwk")
    fitted = fit_tree(whole, ["a", "b", "c d", "e_f", "g", "h", "i"], "t.nwk")
    assert fitted.cut_to(fitted.tip_ids) is whole
    assert fitted.notes == []


def test_a_tree_of_scikit_bio_goes_there_and_back():
    tree = TreeNode.read(io.StringIO(random_newick(1, 30)))
    same_trees(phylogeny_from_skbio(tree).to_skbio(), tree)


@pytest.mark.parametrize(
    ("features", "newick"),
    [(["OTU 1", "OTU 2"], "(OTU_1:1,OTU_2:1);"), (["OTU_1", "OTU_2"], "('OTU 1':1,'OTU 2':1,x_3:1);")],
)
def test_underscores_and_spaces(features, newick):
    fitted = fit_tree(parse_newick(newick.encode(), "t.nwk"), features, "t.nwk")
    assert fitted.tip_ids.tolist()[:2] == features
    assert any("underscores and spaces" in note for note in fitted.notes)


def test_names_that_differ_in_an_underscore_only_are_not_mixed_up():
    fitted = fit_tree(parse_newick(b"(a_1:1,'a 1':2);", "t.nwk"), ["a_1", "a 1"], "t.nwk")
    assert fitted.notes == []
    assert fitted.phylogeny.lengths[1:].tolist() == [1, 2]


def test_names_that_stand_twice_are_refused_where_they_are_needed():
    tree = parse_newick(b"((a:1,a:1):1,((b:1,b:1):1,c:1):0);", "t.nwk")
    with pytest.raises(TreeError, match="'a'"):
        fit_tree(tree, ["a", "c"], "t.nwk")
    cut = fit_tree(tree, ["c"], "t.nwk").cut_to(pd.Index(["c"]))
    assert cut.names == [None, "c"]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("((a:1,b:2):1,c:1)", "the closing ';' is missing"),
        ("((a:1,b:2):1,c:1;", "1 parentheses open"),
        ("((a:1,b:2):1,c", "1 parentheses open"),
        ("(a:1,b:2)):1;", "a closing parenthesis without"),
        ("(a:1,b:2);(c:1,d:1);", "something follows the tree"),
        ("(a:1,b:2),c;", "a comma outside"),
        ("(a:one,b:2,c:nan,d:inf);", "3 branch length(s) are no numbers: 'one', 'nan', 'inf'"),
        ("(a:,b:2);", "1 branch length(s) are no numbers"),
        ("('a:1,b:2);", "unclosed quote"),
        ("(a[x:1,b:2);", "unclosed quote or bracket"),
        ("('a'b:1,d:1);", "two names for one node"),
        ("(a(b:1,c:1):1);", "an opening parenthesis after a name"),
        ("((a:1)(b:1));", "an opening parenthesis after a name"),
        ("lonely;", "no tips"),
    ],
)
def test_broken_newick_is_refused(write, text, what):
    with pytest.raises(ReadError) as caught:
        read_tree(write("t.nwk", text))
    assert what in str(caught.value)


@pytest.mark.parametrize("content", [b"\x89HDF\r\n\x1a\n", b'{"a": 1}', b"\0\1"])
def test_other_files_are_no_trees(write, content):
    with pytest.raises(ReadError, match="no tree"):
        read_tree(write("t.nwk", content))


def test_a_study_lacking_tips_says_which(write, classic):
    with pytest.raises(TreeError) as caught:
        an.read_study(write("t.tsv", classic), tree=write("t.nwk", "(a:1,b:2,(c1:1,x:1):1);"))
    text = str(caught.value)
    assert "2 of 4 features (46.67% of all reads) are not in the tree" in text
    assert "'c' (nearest: 'c1')" in text
    assert "drop={'unmatched_features'}" in text


def test_a_study_without_the_features_that_the_tree_lacks(write, classic):
    tree = write("t.nwk", "(a:1,(b:2,(c:1,e:1):1):0.5);")
    study = an.read_study(write("t.tsv", classic), tree=tree, drop="unmatched_features")
    assert study.feature_ids.tolist() == ["a", "b", "c"]
    assert {tip.name: tip.length for tip in study.tree.tips()} == {"a": 1, "b": 2, "c": 2}
    assert "1 of 4 features dropped, absent from the tree: 30.00% of all reads" in study.source.notes


@pytest.mark.parametrize("newick", ["(a:1,b:2,c:3);", "((a:1,b:2,c:3):0);", "((a:1,b:2,c:3));"])
@pytest.mark.parametrize("form", ["file", "memory"])
def test_an_unrooted_tree_stays_unrooted_when_the_table_lacks_tips(write, newick, form):
    tree = write("t.nwk", newick) if form == "file" else TreeNode.read([newick])
    table = write("t.tsv", "#OTU ID\ts1\ts2\na\t5\t0\nb\t1\t7\n")
    study = an.read_study(table, tree=tree)
    assert any("unrooted" in note for note in study.source.notes)
    with pytest.raises(TreeError, match="unrooted: 3 branches"):
        branches_of(study)


def test_a_polytomy_below_a_root_that_was_cut_is_rooted(write):
    tree = write("t.nwk", "((a:1,b:2,c:3):1,d:4);")
    table = write("t.tsv", "#OTU ID\ts1\ts2\na\t5\t0\nb\t1\t7\nc\t1\t1\n")
    study = an.read_study(table, tree=tree)
    np.testing.assert_array_equal(branches_of(study).heights, [2, 3, 4])
