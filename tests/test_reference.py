"""The reference: nothing public is left out, every link leads somewhere, and markup comes out right."""

import inspect
import re

import pytest
from docutils.utils import SystemMessage
from statsmodels.tools.docstring import NumpyDocString

import analysis as an
from analysis.report import site as pages_of_site
from analysis.report.docstrings import describe, with_links
from analysis.report.entries import GROUPS, page_of, public_names
from analysis.report.reference import Reference
from analysis.report.signatures import signature_of, written

EVERYTHING = dict(public_names(an))
MADE_BY_USERS = {name: thing for name, thing in EVERYTHING.items() if not name.startswith("errors.")}
RANK = """Rank `rows`, as in [1]_.

More, :math:`x^2`.

Parameters
----------
rows, other : int or Study
    Which.

References
----------
.. [1] A B (2001). C
   12:1. doi:10.1016/0006(92)91-3.

Examples
--------
First.

>>> 1 < 2
True
"""
CALLED = {name: thing for name, thing in EVERYTHING.items() if not inspect.isclass(thing)}


def nothing(name):
    return None


def names_in(doc, *sections):
    """Return the names that sections of a docstring describe."""
    items = [item for section in sections for item in doc[section]]
    return {name.strip().lstrip("*") for item in items for name in item.name.split(",")}


@pytest.fixture(scope="module")
def reference():
    return Reference()


@pytest.fixture(scope="module")
def pages(reference, tmp_path_factory):
    """Write the reference, and return the text of its pages by file name."""
    folder = tmp_path_factory.mktemp("reference")
    pages_of_site._write_reference(reference, folder, pages_of_site._links([]))
    return {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.html")}


def test_every_public_name_is_on_the_page_of_its_group_and_in_the_list(reference, pages):
    assert pages.keys() == {"api.html", *map(page_of, GROUPS)}
    for name in EVERYTHING:
        page, _, anchor = reference.link(name).partition("#")
        assert f'id="{anchor}"' in pages[page]
        assert f'id="{anchor}"' in pages["api.html"]
        assert f"<code>an.{name}</code>" in pages[page] or f"<code>{name}</code>" in pages[page]


@pytest.mark.parametrize("name", MADE_BY_USERS)
def test_every_parameter_is_described(name):
    thing = MADE_BY_USERS[name]
    signature = signature_of(thing)
    described = names_in(NumpyDocString(inspect.getdoc(thing)), "Parameters", "Attributes")
    assert set(signature.parameters) - described == set()


@pytest.mark.parametrize("name", CALLED)
def test_every_function_says_what_it_returns(name):
    assert NumpyDocString(inspect.getdoc(CALLED[name]))["Returns"]


@pytest.mark.parametrize("name", EVERYTHING)
def test_every_public_name_has_an_example_that_doctest_runs(name):
    assert ">>> " in inspect.getdoc(EVERYTHING[name]).partition("Examples\n--------")[2]


def test_what_users_are_given_is_described_field_by_field(reference):
    for entry in reference.entries:
        if entry.public or entry.group == "Errors":
            continue
        described = names_in(NumpyDocString(inspect.getdoc(entry.thing)), "Parameters", "Attributes")
        own = vars(entry.thing).get("__annotations__", {})
        assert {name for name in own if not name.startswith("_")} - described == set(), entry.path


def test_every_method_and_property_says_what_it_does(reference):
    members = [member for entry in reference.entries for member in entry.members]
    assert {"Permanova.to_frame", "Power.to_frame", "Study.select"} <= {member.anchor for member in members}
    assert [member.anchor for member in members if not inspect.getdoc(member.thing)] == []


def test_every_link_leads_to_an_id_and_no_id_stands_twice(pages):
    ids = {name: re.findall(r' id="([^"]+)"', text) for name, text in pages.items()}
    assert [name for name, found in ids.items() if len(found) != len(set(found))] == []
    for name, text in pages.items():
        for link in re.findall(r'<a href="([^"]+)"', text):
            page, _, anchor = link.partition("#")
            if "://" not in link and page in {"", *pages}:
                assert not anchor or anchor in ids[page or name], f"{name}: {link}"


def test_no_markup_is_left_as_it_was_typed(pages):
    for name, text in pages.items():
        prose = re.sub(r"<pre.*?</pre>|<code>.*?</code>|<style>.*?</style>", "", text, flags=re.DOTALL)
        assert re.findall(r"`|\]_|:math:|\.\. \[|system-message", prose) == [], name


def test_two_runs_write_the_same(pages, tmp_path):
    pages_of_site._write_reference(Reference(), tmp_path, pages_of_site._links([]))
    assert {path.name: path.read_text(encoding="utf-8") for path in tmp_path.glob("*.html")} == pages


def test_markup_of_a_docstring():
    said = describe(RANK, "rank", {"Study": "api_read.html#Study"}.get)
    assert said.summary == 'Rank <code>rows</code>, as in <a href="#rank-1">[1]</a>.'
    assert "<msup>" in said.more
    parameters, references, examples = said.sections
    (item,) = parameters.items
    assert (item.name, item.text) == ("rows, other", "<p>Which.</p>")
    assert item.type == 'int or <a href="api_read.html#Study">Study</a>'
    assert '<li id="rank-1" value="1">A B (2001). C 12:1. ' in references.body
    assert '<a href="https://doi.org/10.1016/0006(92)91-3">doi:10.1016/0006(92)91-3</a>.' in references.body
    assert examples.body.startswith("<p>First.</p>")
    assert 'tabindex="0"' in examples.body
    assert "&lt;" in examples.body


def test_what_is_no_markup_is_an_error_that_names_its_docstring():
    with pytest.raises(SystemMessage, match=r"rank:1: \(WARNING/2\) Inline emphasis"):
        describe("All *args are ranked.", "rank", nothing)


def test_names_in_plain_text_are_escaped():
    assert with_links("a < b", nothing) == "a &lt; b"


def test_signatures_are_written_as_code():
    def short(first, *rest: int, last: str = "x", **more: "float"):
        pass

    def long(study: "Study", *, a_rather_long_name: "int | None" = None, another_long_name=...) -> "Study":  # noqa: F821
        pass

    assert written(short, "f") == "f(first, *rest: int, last: str = 'x', **more: float)"
    assert written(long, "f").splitlines() == [
        "f(",
        "    study: Study,",
        "    *,",
        "    a_rather_long_name: int | None = None,",
        "    another_long_name = Ellipsis,",
        ") -> Study",
    ]
    assert written(an.Design.total, "Design.total") == "Design.total: int"
    assert "source: Source = ..." in written(an.Study, "Study")
    assert written(an.errors.AnalysisError, "E") == "E(subject: str, *faults: Fault)"


def test_names_mean_what_they_mean_where_they_stand(reference, pages):
    assert reference.link("analysis.comparison.permanova.Permanova") == "api_compare.html#Permanova"
    assert reference.link("claims.audit") == reference.link("audit")
    assert reference.link("CommunityPower.omega_squared") == "api_plan.html#CommunityPower"
    assert reference.link("no_such_name") is None
    claim = re.search(
        r'<section class="entry">\n<h2 id="Claim">.*?</section>', pages["api_claims.html"], re.DOTALL
    )
    assert 'href="api_claims.html#claims-Source"' in claim.group()
    assert 'href="api_read.html#source-Source"' in pages["api_read.html"]


def test_names_in_the_code_of_chapters_lead_to_the_reference(reference):
    from analysis.report.docstrings import highlighted

    html = reference.linked(
        str(highlighted("an.permanova(d); an.plots.ordination(r); an.other; pd.DataFrame", "python"))
    )
    assert re.findall(r'<a href="([^"]+)">', html) == [
        "api_compare.html#permanova",
        "api_pictures.html#ordination",
    ]
