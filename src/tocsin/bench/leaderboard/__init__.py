"""The leaderboard of a run: what its tables say, with intervals, tests, costs, and what to mistrust.

``read_board``  a run's folder -> `Board`, one `Section` for each protocol and kind of data
``as_text``     for a terminal
``write_board`` the same as text and as a self-contained page, into the folder
"""

from __future__ import annotations

from tocsin.bench.leaderboard.board import Board, read_board
from tocsin.bench.leaderboard.page import write_board
from tocsin.bench.leaderboard.section import Section, Standing
from tocsin.bench.leaderboard.text import as_text

__all__ = ["Board", "Section", "Standing", "as_text", "read_board", "write_board"]
