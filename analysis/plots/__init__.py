"""Pictures; each function draws on one matplotlib axes, takes `ax=` and returns it.

Colours are those of Okabe and Ito, which people with any common form of colour blindness can tell apart;
groups also differ in marker or line style.
"""

from analysis.plots.claims import evidence_map, gap_matrix, sampling_calendar, verdict_rates
from analysis.plots.diversity import alpha_by_group, alpha_over_time, ordination, rarefaction_curves
from analysis.plots.extended import intervals
from analysis.plots.noise import error_rates, pairwise_distances
from analysis.plots.planning import needed_by, needed_curves, power_curves, predicted_observed
from analysis.plots.tables import depth_histogram, taxa_bars

__all__ = [
    "alpha_by_group",
    "alpha_over_time",
    "depth_histogram",
    "error_rates",
    "evidence_map",
    "gap_matrix",
    "intervals",
    "needed_by",
    "needed_curves",
    "ordination",
    "pairwise_distances",
    "power_curves",
    "predicted_observed",
    "rarefaction_curves",
    "sampling_calendar",
    "taxa_bars",
    "verdict_rates",
]
