"""Old place of the command, until every checkout is installed anew."""

from dlhw.commands.reproduce import main as main
