"""DictAS: patches that a few normal pictures cannot spell; see `tocsin.image.dictas.detector`."""
