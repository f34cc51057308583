"""Events: detectors for rows of entities - logs, process traces, sessions and flows. One file per detector."""
