"""`python -m dlhw.reproduce`."""

from dlhw.reproduce.command import main

if __name__ == "__main__":
    main()
