"""THEMIS: which stretches of a series resemble nothing else around them; see `tocsin.series.themis.detector`."""
