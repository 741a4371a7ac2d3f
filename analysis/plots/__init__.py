"""Pictures; each function draws on one matplotlib axes, takes `ax=` and returns it.

Colours are those of Okabe and Ito, which people with any common form of colour blindness can tell apart;
groups also differ in marker or line style.
"""

from analysis.plots.diversity import alpha_by_group, alpha_over_time, ordination, rarefaction_curves
from analysis.plots.noise import error_rates, pairwise_distances
from analysis.plots.tables import depth_histogram, taxa_bars

__all__ = [
    "alpha_by_group",
    "alpha_over_time",
    "depth_histogram",
    "error_rates",
    "ordination",
    "pairwise_distances",
    "rarefaction_curves",
    "taxa_bars",
]
