"""Old place of the command, until every checkout is installed anew."""

from dlhw.commands.gradcheck import main as main
