"""HypAD: stretches that a network is certain about, and wrong; see `tocsin.series.hypad.detector`."""
