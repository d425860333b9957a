"""From run folders to frames, and from frames to tables, figures and a page. Reads files only."""
