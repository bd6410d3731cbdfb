"""Linking measured: synthetic registers with truth, known data sets, plain Splink beside Beffroi. See `__main__`."""
