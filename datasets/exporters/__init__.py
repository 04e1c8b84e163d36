"""Exporters: a manifest's labels in the formats of other tools, so that they are never locked in."""
