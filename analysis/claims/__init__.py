"""From a sentence in an article to the data that would settle it, an audit of what exists, and a verdict."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "auditing": ["audit"],
        "glance": ["by_topic", "overview", "topic_matrix"],
        "model": ["Claim"],
        "needs": ["data_needed"],
        "protocol": ["write_protocol"],
        "reading": ["load_claims"],
        "rehearsal": ["rehearse"],
        "verdict": ["evaluate"],
    },
)
