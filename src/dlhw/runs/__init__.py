"""The files of a run: their names, their readers, and writing that leaves no half file; imports no torch."""
