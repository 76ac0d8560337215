"""The doors: parse strictly, call one flow, render. Nothing here decides about permission."""
