"""Old place of the command, until every checkout is installed anew."""

from dlhw.commands.plan import main as main
