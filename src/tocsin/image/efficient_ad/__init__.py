"""EfficientAD: a student that imitates a teacher patch by patch, and an autoencoder that knows the arrangement."""
