"""Old place of the command, until every checkout is installed anew."""

from dlhw.commands.evaluate import main as main
