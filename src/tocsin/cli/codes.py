"""Exit codes, as documented."""

NOTHING = 0
FOUND = 1
USAGE = 2
PARTIAL = 3
