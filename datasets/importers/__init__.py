"""Importers: one module for each format in which labelled pictures come."""
