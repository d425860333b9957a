"""`dlhw-reproduce`: run the experiments one after the other and write their results on one page."""
