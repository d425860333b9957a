"""What a run's folder holds, read and written in one place; imports no torch."""
