"""TimeRCD: zero-shot detection by a network that was pre-trained on synthetic series."""
