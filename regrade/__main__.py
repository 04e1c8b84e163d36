"""``python -m regrade``."""

from regrade.cli import main

main()
