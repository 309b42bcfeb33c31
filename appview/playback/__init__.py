"""Where the sound of a track is, and how it is told to players."""
