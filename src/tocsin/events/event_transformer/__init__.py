"""EventTransformer: a small causal transformer that says which event comes next."""
