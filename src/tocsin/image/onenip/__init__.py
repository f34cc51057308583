"""OneNIP: what one normal picture cannot be turned into; see `tocsin.image.onenip.detector`."""
