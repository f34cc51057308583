"""Encoders of pictures: from pixels to grids of patch descriptors, behind one interface."""

from tocsin.nn.encoders.make import make_encoder, shared_encoder

__all__ = ["make_encoder", "shared_encoder"]
