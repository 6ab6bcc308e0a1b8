"""Goes on the path of recorded commands, whose clock then stands still."""
