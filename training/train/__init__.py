"""Training of the embedded default: pool of frames, eye, rendered clips, decoder."""
