"""Turns, pages, store, recall, forgetting, context: the memory itself. Sees a model only through `PageModel`."""
