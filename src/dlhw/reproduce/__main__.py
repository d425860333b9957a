"""`python -m dlhw.reproduce`."""

from dlhw.commands.reproduce import main

if __name__ == "__main__":
    main()
