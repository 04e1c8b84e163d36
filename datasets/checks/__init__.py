"""Checks of labelled pictures: files, duplicates, leakage, balance, label errors, shortcuts."""
