"""From a suite file to jobs.

``reading``      a TOML file -> `Suite`; every error names file and line
``planning``     `Suite` -> `Plan`: jobs with the hash of all that their results depend on
``queue``        hands out jobs, the most informative first
``differences``  what an edited suite makes a run do again, and why
"""
