"""`dlhw-reproduce`: run the experiments one after the other, and put what came out on one page."""
