"""What runs inside the jail: standard library only, Python 3.10 or newer, started as a script."""
