"""The seeded synthetic world: real H.264 clips with an exact truth file."""
