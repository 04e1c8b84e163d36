"""The command that joins the packages, and the demo."""
