"""FADeR: a picture is painted anew where it looks suspicious, and what leaks of the defect is attenuated."""
