"""Where two outputs differ is named with both values; what is allowed to differ is let pass."""

import base64
import io

import numpy as np
import pytest
from matplotlib.image import imsave

from analysis.outputs import how_pictures_differ, how_text_differs


@pytest.mark.parametrize(
    ("first", "second", "how"),
    [
        ("a 1.5 b\nc 2", "a 1.5 b\nc 4", "line 2: 2 became 4 (relative difference 0.5)"),
        ("1\n2\n3", "1\n5\n6", "line 2: 2 became 5 (relative difference 0.6); 2 lines differ"),
        ("met", "missing", "line 1: 'met' became 'missing'"),
        ("one", "one\ntwo", "line 2: 'two' is new"),
        ("one\ntwo", "one", "line 2: 'two' is gone"),
        ("0.30", "0.3", "line 1: 0.30 became 0.3 (relative difference 0)"),
        ("one\n", "one", "the ends of lines differ"),
        ("nan", "0.5", "line 1: 'nan' became '0.5'"),
    ],
)
def test_the_first_difference_is_named(first, second, how):
    assert how_text_differs(first, second) == how


def test_long_lines_are_shown_where_they_differ():
    how = how_text_differs("x" * 200 + "apples", "x" * 200 + "pears")
    assert how.count("...") == 2
    assert "apples' became" in how


@pytest.mark.parametrize(("other", "same"), [("1.0000000009", True), ("1.0000000011", False), ("-1", False)])
def test_numbers_may_differ_by_what_is_asked(other, same):
    assert (how_text_differs("F = 1, p", f"F = {other}, p", rtol=1e-9) is None) == same
    assert how_text_differs("F = 1, p", f"F = {other}, p") is not None


def test_letters_may_not():
    assert how_text_differs("mouse 1", "Mouse 1", rtol=0.5) == "line 1: 'mouse 1' became 'Mouse 1'"
    assert how_text_differs("sha256 ab10", "sha256 ab11", rtol=0.5) is not None


def png(pixels, **options):
    file = io.BytesIO()
    imsave(file, pixels, format="png", pil_kwargs=options)
    return base64.b64encode(file.getvalue()).decode()


def test_pictures_are_compared_as_images():
    pixels = np.random.default_rng(0).random((10, 20, 3))
    small, large = png(pixels, compress_level=9), png(pixels, compress_level=0)
    assert small != large
    assert how_pictures_differ(small, large) is None
    assert how_pictures_differ(small, png(pixels[:, :10])) == "20 x 10 pixels became 10 x 10"
    changed = pixels.copy()
    changed[0, 0] = 1 - changed[0, 0].round()
    how = how_pictures_differ(small, png(changed))
    assert how.startswith("1 pixels differ (of 1, by 0.00")
    assert how_pictures_differ(small, png(changed), most=0.01) is None
