"""Training steps of small networks as compiled loops; what they compute is what `dlhw.nn` computes."""
