"""The command line: python -m analysis; it parses and calls."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from analysis import __version__
from analysis.errors import AnalysisError, ParameterError, did_you_mean, one_fault

_EPILOG = """
examples:
  python -m analysis claims
  python -m analysis reproduce
  python -m analysis datasets
  python -m analysis plan --claim diversity_falls_mice
  python -m analysis protocol --claim diversity_falls_mice my_trial
  python -m analysis audit table.biom samples.tsv --claim diversity_falls_mice --subject mouse --time day
  python -m analysis evaluate table.biom samples.tsv --claim diversity_falls_mice --subject mouse \\
      --time day --treatment arm --reference saline --cluster cage --baseline -7 0 --follow-up 14 28

exit codes: 0 done (evaluate: whatever the verdict; reproduce: nothing differs), 1 bad input (reproduce:
something differs), 2 a command that is not understood.
"""
_REPRODUCE = """.

Prints a line a notebook and a file of results: identical, or what differs: which cell, what kind of output,
the first number or line with both values, and of pictures how many pixels. With the versions that the
committed notebooks were made with (notebooks/made_with.json) all must agree to the letter and to the pixel.
With others, numbers may differ by 1e-9 of their size and pictures by 0.001 of their range on average; such a
notebook is called close. Longer notebooks whose public tables are not on this machine are left out. Files of
results are not worked out again: they must be those of their records, and made from today's inputs.

exit codes: 0 nothing differs, 1 something differs or fails.
"""
_ROLES = {
    "subject": "column: who was sampled",
    "time": "column: days from the first injection",
    "treatment": "column: what was given",
    "reference": "the level of the treatment that got none",
    "cluster": "column: the cage",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    given = _parser("--json" in arguments).parse_args(arguments)
    try:
        text, data, *code = given.run(given)
    except AnalysisError as error:
        if getattr(given, "json", False):
            faults = [vars(fault) for fault in error.faults]
            print(json.dumps({"error": type(error).__name__, "subject": error.subject, "faults": faults}))
        else:
            print(error, file=sys.stderr)
        return 1
    try:
        print(json.dumps(data, indent=2, default=str) if getattr(given, "json", False) else text, flush=True)
    except BrokenPipeError:  # whoever reads has seen enough, such as `head`
        sys.stderr.close()
    return code[0] if code else 0


class _Parser(argparse.ArgumentParser):
    """Says what it does not understand as JSON too, where JSON was asked for."""

    as_json = False

    def error(self, message: str) -> NoReturn:
        if self.as_json:
            fault = {"what": message, "where": self.prog, "expected": "", "remedy": f"{self.prog} --help"}
            print(json.dumps({"error": "UsageError", "subject": "command line", "faults": [fault]}))
        super().error(message)


def _parser(as_json: bool) -> argparse.ArgumentParser:
    formatter = argparse.RawDescriptionHelpFormatter
    _Parser.as_json = as_json
    parser = _Parser(
        "python -m analysis",
        description="What public 16S tables can and cannot say about the claim that Botox harms the gut.",
        epilog=_EPILOG,
        formatter_class=formatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, run: Callable[[argparse.Namespace], tuple], help_text: str) -> Any:
        command = commands.add_parser(name, help=help_text, description=help_text, formatter_class=formatter)
        command.set_defaults(run=run)
        return command

    report = add("report", _report, "run the notebooks and write build/report/index.html")
    report.add_argument("--in-place", action="store_true", help="also write the executed notebooks back")
    report.add_argument("--full", action="store_true", help="also run the longer ones (downloads tables)")
    report.add_argument("--json", action="store_true", help="print JSON")
    report.add_argument("--root", type=Path, default=Path.cwd(), help="the clone of the project (here)")
    again = add("reproduce", _reproduce, "run the notebooks and say whether they give what is committed")
    again.description += _REPRODUCE
    again.add_argument("only", nargs="*", metavar="NOTEBOOK", help="such as 03_diversity; all by default")
    again.add_argument("--full", action="store_true", help="download the tables that longer notebooks need")
    again.add_argument("--json", action="store_true", help="print JSON")
    again.add_argument("--root", type=Path, default=Path.cwd(), help="the clone of the project (here)")
    for name, run, help_text in (
        ("claims", _claims, "list the claims, whose ids the other commands ask for"),
        ("datasets", _datasets, "list the public tables that are known by name"),
        ("plan", _plan, "say what data would settle a claim"),
        ("protocol", _protocol, "write a protocol to preregister, with a sample sheet"),
        ("audit", _audit, "hold a table against what a claim needs"),
        ("evaluate", _evaluate, "audit a table and, if it allows, run the preregistered test"),
    ):
        command = add(name, run, help_text)
        command.add_argument("--json", action="store_true", help="print JSON")
        if name not in ("claims", "datasets"):
            command.add_argument(
                "--claim", required=True, metavar="ID", help="id of a claim, such as diversity_falls_mice"
            )
            command.add_argument("--claims", metavar="FILE", help="a claims file of your own")
        if name == "protocol":
            command.add_argument("folder", metavar="OUT", help="folder to write to")
        if name in ("audit", "evaluate"):
            _add_study(command)
    return parser


def _add_study(command: argparse.ArgumentParser) -> None:
    """Add what a table, its metadata and their roles need."""
    command.add_argument("table", metavar="TABLE", help="BIOM, .qza, mothur, phyloseq or text")
    command.add_argument("metadata", metavar="METADATA", help="one row a sample")
    command.add_argument("--taxonomy", metavar="FILE", help="names of the features")
    for role, help_text in _ROLES.items():
        kind = "LEVEL" if role == "reference" else "COLUMN"
        command.add_argument(f"--{role}", metavar=kind, help=help_text.removeprefix("column: "))
    command.add_argument("--baseline", nargs="+", metavar="DAY", help="times before the treatment")
    command.add_argument("--follow-up", nargs="+", metavar="DAY", help="times after it")
    command.add_argument(
        "--exposure", metavar="WHAT", help="something else that stands in for Botox, as a control"
    )
    command.add_argument(
        "--assume",
        nargs="+",
        default=(),
        metavar="WHAT",
        help="what you vouch for: randomised, housed_alone",
    )


def _claim(given: argparse.Namespace) -> Any:
    from analysis.claims.reading import load_claims

    claims = load_claims(given.claims)
    if given.claim not in claims:
        remedy = did_you_mean(given.claim, list(claims))
        raise one_fault(ParameterError, "--claim", f"there is no claim {given.claim!r}", remedy=remedy)
    return claims[given.claim]


def _study(given: argparse.Namespace) -> Any:
    from analysis.readers import read_study

    study = read_study(given.table, metadata=given.metadata, taxonomy=given.taxonomy)
    roles = {name: getattr(given, name) for name in (*_ROLES, "baseline", "follow_up")}
    return study.with_roles(**{name: value for name, value in roles.items() if value is not None})


def _report(given: argparse.Namespace) -> tuple[str, Any]:
    from analysis.report import make_report

    page = make_report(given.root.resolve(), in_place=given.in_place, full=given.full)
    return f"The report is at {page}", {"page": str(page)}


def _reproduce(given: argparse.Namespace) -> tuple[str, Any, int]:
    from analysis.report import reproduce

    found = reproduce(given.root.resolve(), full=given.full, only=given.only)
    return str(found), found.to_dict(), 0 if found.same else 1


def _claims(given: argparse.Namespace) -> tuple[str, Any]:  # noqa: ARG001
    from analysis.claims.reading import load_claims

    claims = load_claims()
    width = max(map(len, claims))
    rows = [{"id": name, "host": claim.host, "statement": claim.statement} for name, claim in claims.items()]
    return "\n".join(f"{row['id']:{width}}  {row['statement']}" for row in rows), rows


def _datasets(given: argparse.Namespace) -> tuple[str, Any]:  # noqa: ARG001
    from analysis.catalogue import list_datasets

    table = list_datasets()
    shown = table[["species", "samples", "features", "kind", "available", "title"]]
    return shown.to_string(), table.reset_index().to_dict("records")


def _plan(given: argparse.Namespace) -> tuple[str, Any]:
    from analysis.claims.needs import data_needed

    needs = data_needed(_claim(given))
    rows = needs.to_frame()
    lines = [f"  {row.what}: {row.needed}" for row in rows.itertuples()]
    data = {"claim": given.claim, "text": needs.text, "costs": needs.costs}
    return "\n".join([needs.text, "", *lines]), data | {"requirements": _records(rows)}


def _protocol(given: argparse.Namespace) -> tuple[str, Any]:
    from analysis.claims.protocol import write_protocol

    files = vars(write_protocol(_claim(given), given.folder))
    return "\n".join(f"wrote {path}" for path in files.values()), {k: str(path) for k, path in files.items()}


def _audit(given: argparse.Namespace) -> tuple[str, Any]:
    from analysis.claims.auditing import audit

    found = audit(_study(given), _claim(given), exposure=given.exposure, assume=tuple(given.assume))
    rows = found.to_frame()
    lines = [f"{row.status:8} {row.what}: {row.found}" for row in rows.itertuples()]
    blocking = ", ".join(row.what for row in found.blocking) or "nothing"
    text = "\n".join([*lines, "", f"keeps the claim from being tested: {blocking}"])
    return text, {"claim": given.claim, "counts": found.counts, "requirements": _records(rows)}


def _evaluate(given: argparse.Namespace) -> tuple[str, Any]:
    from analysis.claims.verdict import evaluate
    from analysis.claims.wording import mark

    found = evaluate(_study(given), _claim(given), given.exposure, assume=tuple(given.assume))
    head = mark(f"{found.claim.id}: {found.outcome}", found.exposure)
    text = "\n".join([head, found.text, *(f"- {one}" for one in found.reasons)])
    data = {"claim": found.claim.id, "exposure": found.exposure or "botulinum toxin"}
    data |= {"outcome": found.outcome, "text": found.text, "reasons": found.reasons}
    return text, data | {"estimates": [vars(one) for one in found.estimates]}


def _records(table: Any) -> list[dict[str, Any]]:
    """Return the rows of a table for JSON, which has no NaN."""
    table = table.reset_index().astype(object)
    return table.where(table.notna(), None).to_dict("records")


if __name__ == "__main__":
    sys.exit(main())
