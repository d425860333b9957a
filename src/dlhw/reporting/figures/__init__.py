"""Figures of a study. Each is drawn on a canvas of its own: nothing here touches pyplot's global state."""
