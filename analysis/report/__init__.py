"""The report: run the notebooks, and write what they show as pages that anyone can open.

`make_report` runs them and `write_site` writes the pages: a front page, a chapter a notebook, the planner,
and the methods. Nothing on them is loaded from the network. `reproduce` compares a fresh run with what is
committed.
"""

from analysis.report.reproducing import Outcome, Reproduction, reproduce
from analysis.report.running import find_notebooks, make_report, run_all
from analysis.report.site import title_of, write_site

__all__ = [
    "Outcome",
    "Reproduction",
    "find_notebooks",
    "make_report",
    "reproduce",
    "run_all",
    "title_of",
    "write_site",
]
