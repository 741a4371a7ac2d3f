"""The planner in a real browser: its sliders move the pictures, the numbers and the text."""

import re

import pytest

import analysis as an
from analysis.planner import load_grid, planner_page, protocol_text
from analysis.planner.settings import BEGIN, Setting

SETTINGS = [
    Setting("mice", "shannon", effect=10, baseline=1, follow_up=3, cage=4, dropout=20, power=80),
    Setting("people", "shannon", effect=5, baseline=3, follow_up=2, cage=1, dropout=10, power=90),
    Setting("mice", "panel", effect=1.5, baseline=0, follow_up=1, cage=3, dropout=0, power=70),
]
SIMULATED = Setting(
    "people", "composition", effect=0.02, baseline=0, follow_up=1, cage=1, dropout=10, power=80
)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return planner_page(tmp_path_factory.mktemp("site") / "planner.html")


@pytest.fixture
def planner(open_page, path):
    def opened(**how):
        tab = open_page(path, **how)
        settle(tab.page)
        return tab

    return opened


def settle(page):
    """Wait until both pictures, the numbers and the text are those of the controls."""
    page.wait_for_function(
        """[...document.querySelectorAll('#controls input, #controls select')]
        .map((one) => one.value).join(' ') === document.body.dataset.shown"""
    )


def move(page, name, value):
    """Move a slider as its user's browser does."""
    page.eval_on_selector(
        f"#controls input[name={name}]",
        "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input')) }",
        f"{value:g}",
    )


def set_to(page, setting):
    page.select_option("select[name=host]", setting.host)
    page.select_option("select[name=endpoint]", setting.endpoint)
    move(page, f"effect_{setting.endpoint}", setting.effect)
    for name in ("baseline", "follow_up", "cage", "dropout", "power"):
        if setting.question.axes[name].count > 1:
            move(page, name, getattr(setting, name))
    settle(page)


def curve_points(page):
    """Return the paths of the curve as they are drawn."""
    return page.eval_on_selector_all(
        "#curve svg path", "paths => paths.map((path) => path.getAttribute('d')).join()"
    )


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_three_settings_equal_sample_size(planner, setting):
    page = planner().page
    set_to(page, setting)
    fresh = an.sample_size(
        setting.design(), setting.question.noise, setting.effect_size(), setting.power / 100
    )
    assert (
        page.inner_text("#answer")
        == f"{fresh.n_per_arm:,} {setting.host} in each arm, {fresh.total:,} in all"
    )
    stools = fresh.total * (setting.baseline + setting.follow_up)
    assert page.inner_text("#shown-stools") == f"{stools:,}"
    assert page.inner_text("#shown-reached") == f"{fresh.power:.3f}"
    if setting.host == "mice":
        assert page.inner_text("#shown-cages") == f"{fresh.cages:,}"
    assert page.text_content("#protocol") == protocol_text(setting)


def test_a_simulated_setting_is_shown_with_its_errors(planner):
    page = planner().page
    set_to(page, SIMULATED)
    found = load_grid().found(SIMULATED)
    interval = f"(95 % interval of the search: {found.n_low} to {found.n_high})"
    assert (
        page.inner_text("#answer") == f"{found.n_per_arm} people in each arm, {found.total} in all {interval}"
    )
    assert page.inner_text("#shown-type_i") == f"{found.type_i:.3f} ± {found.type_i_se:.3f}"
    assert page.text_content("#protocol") == protocol_text(SIMULATED)
    assert not page.is_visible("input[name=baseline]")
    assert not page.is_visible("input[name=cage]")


def test_a_slider_moves_number_picture_and_text_at_once(planner):
    page = planner().page
    before = [page.inner_text("#answer"), curve_points(page), page.inner_text("#protocol")]
    page.focus("input[name=effect_shannon]")
    page.keyboard.press("ArrowRight")  # by keyboard alone
    settle(page)
    after = [page.inner_text("#answer"), curve_points(page), page.inner_text("#protocol")]
    assert all(old != new for old, new in zip(before, after, strict=True))
    found = load_grid().found(BEGIN.at(effect=7.5))
    assert f"{found.n_per_arm} mice" in page.inner_text("#answer")
    assert f"{found.n_per_arm} mice an arm" in page.text_content("#curve svg")
    assert f"{found.total} mice, {found.stools} stools" in page.text_content("#steps svg")


def test_settings_survive_a_look_at_another_endpoint(planner):
    page = planner().page
    page.select_option("select[name=endpoint]", "composition")
    settle(page)
    page.select_option("select[name=endpoint]", "shannon")
    settle(page)
    assert page.text_content("#protocol") == protocol_text(BEGIN)


def test_the_text_is_copied(planner):
    tab = planner()
    tab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab.page.click("#copy")
    tab.page.wait_for_function("document.getElementById('copied').textContent == 'Copied.'")
    assert tab.page.evaluate("navigator.clipboard.readText()").replace("\r\n", "\n") == protocol_text(BEGIN)


def test_the_curve_can_be_had_as_csv(planner):
    page = planner().page
    with page.expect_download() as download:
        page.click("#csv")
    lines = download.value.path().read_text(encoding="utf-8").splitlines()
    assert lines[0] == "n_per_arm,power,power_se"
    found = load_grid().found(BEGIN)
    assert lines[-1] == f"{found.n_per_arm},{found.power:g},0"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [375, 1280])
def test_no_complaint_no_request_no_sideways_scroll_no_serious_finding(planner, path, axe, width, dark):
    tab = planner(width=width, dark=dark)
    set_to(tab.page, SIMULATED)
    set_to(tab.page, SETTINGS[0])
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.requests == [path.resolve().as_uri()]
    assert axe(tab.page) == []
    assert [told for told in tab.complaints if "axe" not in told] == []


def test_every_control_has_a_label(planner):
    page = planner().page
    names = page.eval_on_selector_all(
        "#controls input, #controls select", "all => all.map((one) => one.labels[0]?.innerText.trim() ?? '')"
    )
    assert len(names) == 10
    assert all(re.search(r"\w{3}", name) for name in names[:3])


def test_without_scripts_the_picture_and_the_numbers_are_there(open_page, path):
    page = open_page(path, scripts=False).page
    assert page.locator("#curve img").bounding_box()["height"] > 300
    assert f"{load_grid().found(BEGIN).n_per_arm} mice in each arm" in page.inner_text("#answer")
