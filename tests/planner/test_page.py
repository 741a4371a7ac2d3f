"""The planner's page and pictures, without a browser; tests/browser opens them."""

import json
import random
import re

import pytest

import analysis as an
from analysis.planner import planner_chart, planner_page, planner_picture, protocol_text
from analysis.planner.chart import LABELS
from analysis.planner.grid import load_grid
from analysis.planner.settings import BEGIN, QUESTIONS, Setting

CLOSED = [setting for question in QUESTIONS if not question.simulated for setting in question.settings()]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("planner") / "planner.html"
    return planner_page(path, links=[("index.html", "Start"), ("planner.html", "Planner")])


def test_the_page_is_small_and_whole(page):
    assert page.stat().st_size < 2_500_000
    html = page.read_text(encoding="utf-8")
    body = re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL)
    assert not re.search(r"""(src|href)\s*=\s*["']?(https?:)?//""", body)
    assert "@import" not in body
    assert '<a href="planner.html" aria-current="page">Planner</a>' in html


def test_without_scripts_the_page_still_answers(page):
    body = re.sub(r"<script.*?</script>", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    found = load_grid().found(BEGIN)
    assert f"{found.n_per_arm} mice in each arm, {found.total} in all" in body
    assert re.search(r'<noscript><img src="data:image/png;base64,\S+" alt="\w[^"]{40,}"', body)
    assert "Design: a randomised trial" in body


def test_the_pages_numbers_are_those_of_the_grid(page):
    html = page.read_text(encoding="utf-8")
    data = json.loads(re.search(r'id="data">(.*?)</script>', html, flags=re.DOTALL)[1])
    assert set(data["grid"]) == {question.key for question in QUESTIONS}
    for setting in random.Random(7).sample(CLOSED, 50):
        axes, block = setting.question.axes, data["grid"][setting.question.key]
        place = setting.row * axes["power"].count + axes["power"].place(setting.power)
        assert block["n"][place] == load_grid().found(setting).n_per_arm


@pytest.mark.parametrize("setting", random.Random(11).sample(CLOSED, 6), ids=str)
def test_the_code_in_the_protocol_gives_its_number(setting):
    text = protocol_text(setting)
    *lines, last = text.split("In Python")[1].splitlines()[1:]
    names = {}
    exec("\n".join(lines), names)
    found = eval(last, names)
    assert found.n_per_arm == load_grid().found(setting).n_per_arm
    assert f"{found.n_per_arm:,} {setting.host} in each and {found.total:,} in all" in text
    assert f"a probability of {found.power:.3f} ({setting.power:g} %" in text


def test_a_simulated_protocol_carries_its_errors():
    setting = Setting(
        "people", "composition", effect=0.02, baseline=0, follow_up=2, cage=1, dropout=10, power=90
    )
    found, text = load_grid().found(setting), protocol_text(setting)
    assert (
        f"{found.power:.3f} ± {found.power_se:.3f}; the search leaves {found.n_low} to {found.n_high}" in text
    )
    assert f"rejects in {found.type_i:.3f} ± {found.type_i_se:.3f}" in text
    endpoint = an.CommunityEndpoint(an.pilots.load_pilot("sze_schubert"), icc=0.5)
    assert 'load_pilot("sze_schubert"), icc=0.5' in text
    assert endpoint.icc == setting.question.noise.icc


def test_no_place_is_left_open_in_any_text():
    for question in QUESTIONS:
        for setting in random.Random(3).sample(list(question.settings()), 5):
            assert not re.search(r"\{\w+\}|nan|None(?!\))", protocol_text(setting))


def test_a_notebook_gets_a_picture_and_what_jupyterlab_can_move():
    bundle, metadata = planner_chart()._repr_mimebundle_()
    assert planner_picture().startswith(b"\x89PNG")
    assert set(bundle) == {"application/vnd.vega.v5+json", "image/png", "text/plain"}
    assert metadata["image/png"]["alt"]
    bound = [
        signal["name"] for signal in bundle["application/vnd.vega.v5+json"]["signals"] if "bind" in signal
    ]
    assert bound == list(LABELS)
    assert len(json.dumps(bundle)) < 900_000
