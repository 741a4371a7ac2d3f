"""The command line parses and calls: its figures are those of the library, its exit codes tell."""

import json

import pytest

import analysis as an
from analysis.__main__ import main
from analysis.paths import data_path

TABLE = str(data_path("embedded/turnbaugh_mice.biom"))
METADATA = str(data_path("embedded/turnbaugh_mice.metadata.tsv"))
CLAIM = ["--claim", "diversity_falls_mice"]
ROLES = ["--subject", "mouseID", "--time", "days_since_switch", "--treatment", "diet_group"]
ROLES += ["--reference", "BK throughout", "--baseline", "0", "--follow-up", "7", "14"]


def run(capsys, *arguments):
    code = main(arguments)
    caught = capsys.readouterr()
    return code, caught.out, caught.err


def test_datasets_are_listed(capsys):
    code, out, _ = run(capsys, "datasets", "--json")
    assert code == 0
    assert [row["name"] for row in json.loads(out)] == list(an.list_datasets().index)
    assert "turnbaugh_mice" in run(capsys, "datasets")[1]


def test_a_plan_says_what_the_library_says(capsys):
    needs = an.data_needed(an.load_claims()["diversity_falls_mice"])
    assert needs.text in run(capsys, "plan", *CLAIM)[1]
    code, out, _ = run(capsys, "plan", *CLAIM, "--json")
    told = json.loads(out)
    assert code == 0
    assert told["costs"] == needs.costs
    assert [row["requirement"] for row in told["requirements"]] == [one.id for one in needs.requirements]


def test_a_table_is_audited_and_evaluated(capsys):
    code, out, _ = run(capsys, "audit", TABLE, METADATA, *CLAIM, *ROLES)
    assert code == 0
    assert "keeps the claim from being tested: who was given botulinum toxin" in out
    code, out, _ = run(capsys, "evaluate", TABLE, METADATA, *CLAIM, *ROLES, "--json")
    assert code == 0
    assert json.loads(out)["outcome"] == "untestable"
    control = ["--exposure", "diet", "--assume", "randomised", "housed_alone"]
    told = json.loads(run(capsys, "evaluate", TABLE, METADATA, *CLAIM, *ROLES, *control, "--json")[1])
    assert told["outcome"] == "opposite"
    assert all("no evidence on Botox" in reason for reason in told["reasons"])


def test_a_protocol_is_written(capsys, tmp_path):
    code, out, _ = run(capsys, "protocol", *CLAIM, str(tmp_path / "trial"))
    assert code == 0
    assert sorted(path.name for path in (tmp_path / "trial").iterdir()) == [
        "checklist.tsv",
        "dictionary.tsv",
        "protocol.md",
        "samples.tsv",
    ]
    assert out.count("wrote") == 4


def test_bad_input_ends_in_1_and_is_named(capsys):
    code, _, err = run(capsys, "plan", "--claim", "diversity_fall_mice")
    assert code == 1
    assert "did you mean 'diversity_falls_mice'" in err
    code, out, _ = run(capsys, "audit", TABLE, METADATA, *CLAIM, "--subject", "mouse", "--json")
    assert code == 1
    assert json.loads(out)["faults"][0]["where"] == "subject="


@pytest.mark.parametrize("arguments", [[], ["audit"], ["nonsense"], ["evaluate", "a.biom"]])
def test_what_is_not_understood_ends_in_2(arguments):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2


def test_help_explains_every_command(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    for command in ("report", "datasets", "plan", "protocol", "audit", "evaluate"):
        assert command in out
    assert "exit codes" in out
