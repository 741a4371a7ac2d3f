"""Which taxa differ, one by one and in panels fixed in advance."""
