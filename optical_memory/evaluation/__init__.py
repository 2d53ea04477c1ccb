"""Measurements: what is still known, and at what price. Blind to training and to adapters."""
