"""The files of runs and sweeps: names, formats, readers and atomic writing; imports no torch."""
