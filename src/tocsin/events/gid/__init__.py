"""GID: suspicious chains of events between entities, by a compact graph and an exact search."""
