"""Old place of the command, until every checkout is installed anew."""

from dlhw.commands.train import main as main
