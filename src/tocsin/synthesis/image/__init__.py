"""Pictures and defects made on purpose."""
