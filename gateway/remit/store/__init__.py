"""The ``Store`` port's implementations: streams of records with compare-and-swap, and values beside them."""
