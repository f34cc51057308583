"""Neural parts that several detectors share; everything here needs the extra ``deep``."""
