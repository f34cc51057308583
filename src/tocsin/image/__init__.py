"""Images: detectors for pictures of parts, surfaces and scenes. One file per detector."""
