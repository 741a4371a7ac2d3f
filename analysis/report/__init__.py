"""The report: run the notebooks, and write what they show as pages that anyone can open.

`make_report` runs them and `write_site` writes the pages: a front page, a chapter a notebook, the planner,
and the methods. Nothing on them is loaded from the network.
"""

from analysis.report.running import find_notebooks, make_report, run_all
from analysis.report.site import title_of, write_site

__all__ = ["find_notebooks", "make_report", "run_all", "title_of", "write_site"]
