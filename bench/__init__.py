"""Measurements: side by side with rivals (peers), per op (micro), from file to report (journey)."""
