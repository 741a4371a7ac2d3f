"""How noisy a gut is: pilots fitted to public tables, fresh studies drawn from them, effects put in."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "effects": ["composition_shift", "fold_change", "shannon_change"],
        "fitting": ["fit_pilot", "resampled"],
        "model": ["Pilot"],
        "shipped": ["list_pilots", "load_pilot"],
        "simulator": ["simulate_study"],
    },
)
