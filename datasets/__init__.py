"""Labelled photographs: manifest, rubric, sources, splits and our own rendered pictures."""
