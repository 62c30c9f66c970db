"""The operators' command line: `python -m chalicelib.manage`, acting on the stores the environment points at."""
