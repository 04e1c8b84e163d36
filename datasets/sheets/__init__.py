"""Contact sheets of labelled pictures."""
