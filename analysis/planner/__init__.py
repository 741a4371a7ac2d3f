"""The planner: move the sliders of a study and see how many mice or people it takes.

Its numbers are those of `analysis.sample_size`, worked out beforehand at every step of its sliders.
"""

from analysis.planner.chart import planner_chart, planner_picture
from analysis.planner.grid import Found, Grid, load_grid
from analysis.planner.page import planner_page
from analysis.planner.protocol_text import protocol_text
from analysis.planner.settings import Setting

__all__ = [
    "Found",
    "Grid",
    "Setting",
    "load_grid",
    "planner_chart",
    "planner_page",
    "planner_picture",
    "protocol_text",
]
