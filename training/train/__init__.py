"""Training of the embedded default: pool of frames, eye, decoder, joint fine-tune."""
