"""Old place of the command, until every checkout is installed anew."""

from dlhw.commands.report import main as main
