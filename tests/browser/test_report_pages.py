"""The pages of the report in a real browser: wide, narrow, light, dark and on paper."""

from pathlib import Path

import nbformat
import pytest

from analysis.report import find_notebooks, write_site
from analysis.report.entries import GROUPS, page_of

ROOT = Path(__file__).resolve().parents[2]
PATHS = [*find_notebooks(ROOT / "notebooks"), *find_notebooks(ROOT / "notebooks" / "extended")]
FEW = ["index", "methods", "02_public_tables", "api_compare"]
REFERENCE = ["api", *(page_of(group).removesuffix(".html") for group in GROUPS)]
ALL = [*(path.stem for path in PATHS), "planner", *REFERENCE]
WAYS = [(375, True), (1280, False)]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Write the site of the committed notebooks."""
    notebooks = {path.stem: nbformat.read(path, as_version=4) for path in PATHS}
    return write_site(notebooks, tmp_path_factory.mktemp("site")).parent


def check(tab, folder, width, axe):
    tab.page.wait_for_load_state("load")
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.page.evaluate("[...document.images].every((one) => one.complete && one.naturalWidth > 0)")
    assert [url for url in tab.requests if not url.startswith((folder.resolve().as_uri(), "data:"))] == []
    assert tab.complaints == []
    assert axe(tab.page) == []  # last, as it asks for the style sheet itself and is refused


@pytest.mark.parametrize(("width", "dark"), WAYS)
@pytest.mark.parametrize("name", FEW)
def test_no_complaint_no_request_no_sideways_scroll_no_serious_finding(
    open_page, site, axe, name, width, dark
):
    check(open_page(site / f"{name}.html", width=width, dark=dark), site, width, axe)


@pytest.mark.long
@pytest.mark.parametrize(("width", "dark"), WAYS)
@pytest.mark.parametrize("name", [name for name in ALL if name not in FEW])
def test_the_same_of_every_other_page(open_page, site, axe, name, width, dark):
    check(open_page(site / f"{name}.html", width=width, dark=dark), site, width, axe)


def test_a_reader_gets_from_the_front_page_through_the_chapters(open_page, site):
    page = open_page(site / "index.html").page
    page.click("ol.chapters a")
    for path in PATHS:
        assert page.url.endswith(f"{path.stem}.html")
        assert page.locator("h1").count() == 1
        page.click("a[rel=next]")
    assert page.url.endswith("planner.html")
    page.click("nav a:last-child >> text=Methods")
    assert page.locator("details").count() > 20


def test_a_name_in_the_code_of_a_chapter_leads_to_what_is_said_of_it(open_page, site):
    page = open_page(site / "03_diversity.html").page
    page.click(".code a >> text=alpha_diversity")
    assert page.url.endswith("api_diversity.html#alpha_diversity")
    page.click("nav[aria-label=Reference] >> text=All names")
    page.click("dt#Permanova a")
    assert page.url.endswith("api_compare.html#Permanova")


def test_a_wide_table_scrolls_by_keyboard_inside_its_box(open_page, site):
    page = open_page(site / "02_public_tables.html", width=375).page
    boxes = page.locator(".wide")
    scrolled = boxes.evaluate_all("all => all.findIndex((one) => one.scrollWidth > one.clientWidth)")
    assert scrolled >= 0
    boxes.nth(scrolled).focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function(f"document.querySelectorAll('.wide')[{scrolled}].scrollLeft > 0")


def test_on_paper_there_is_no_navigation_and_nothing_is_cut_off(open_page, site):
    page = open_page(site / "02_public_tables.html", width=700).page  # A4 without its margins, in CSS pixels
    page.emulate_media(media="print", color_scheme="dark")
    assert not page.is_visible("nav")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    cut = page.locator("pre").evaluate_all(
        "all => all.filter((one) => one.scrollWidth > one.clientWidth).length"
    )
    assert cut == 0


def test_the_numbers_of_a_picture_can_be_had(open_page, site):
    page = open_page(site / "index.html").page
    with page.expect_download() as download:
        page.click("figure .links a")
    assert download.value.path().read_text(encoding="utf-8").startswith("# ")
