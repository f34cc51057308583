"""UniCon-HA: contrastive learning of one class at several depths; see `tocsin.image.unicon_ha.detector`."""
