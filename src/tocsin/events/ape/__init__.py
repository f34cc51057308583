"""APE: how well the entities of an event go together, pair by pair."""
