"""The parts of the host recorder: the service it watches, the faults it injects, the probe that reads the counters."""
