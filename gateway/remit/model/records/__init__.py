"""Records: the only way anything changes. Envelope, bodies of the run tree, bodies of control."""
