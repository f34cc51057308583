"""A fleet of small autoencoders, one per machine, all trained at once."""
